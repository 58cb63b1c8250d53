# Shows a session of glass in the prompt: its profile and the minutes that are left. Reports each command
# line to the session's supervisor. Reads the environment and bash's own clock; starts no process. What the
# environment says is reduced to letters, digits and hyphens, and numbers: it may have been set by anybody.
if [[ $- == *i* && -n ${GLASS_PROFILE-} ]]; then
    __glass_prompt() {
        local last=$? now left='' minutes='' colour='1;31'
        case ${GLASS_EXPIRATION_EPOCH-} in
        '' | *[!0-9]* | ?????????????*) ;;
        *) if printf -v now '%(%s)T' -1 2>/dev/null; then left=$((10#$GLASS_EXPIRATION_EPOCH - now)); fi ;;
        esac
        case ${GLASS_LEVEL-} in *read*) colour='1;33' ;; esac
        case $left in
        '') ;;
        0 | -*) minutes=' over' ;;
        *) minutes=" $(((left + 59) / 60))m" ;;
        esac
        if [[ -n $left && $left -le 300 ]]; then colour="7;$colour"; fi
        __glass_text=${GLASS_PROFILE//[!a-zA-Z0-9-]/}
        __glass_text="[${__glass_text:0:64}$minutes]"
        if [[ -n ${NO_COLOR-} || ${TERM-dumb} == dumb ]]; then
            __glass_on='' __glass_off=''
        else
            __glass_on=$'\e['"${colour}m" __glass_off=$'\e[0m'
        fi
        # Themes may have made the prompt anew.
        if [[ ${PS1-} != *'${__glass_text-}'* ]]; then
            PS1='\[${__glass_on-}\]${__glass_text-}\[${__glass_off-}\] '${PS1-}
        fi
        if [[ -n ${__glass_number-} ]]; then __glass_await "$last" "$@"; fi
        return "$last"
    }
    # Within a function nobody sees the trap. It is asked for when it may have changed, not at each prompt.
    __glass_hook='__glass_prompt ${__glass_look:+"$(trap -p DEBUG)"}'
    # Last, so that it comes after whatever makes the prompt.
    if [[ ${PROMPT_COMMAND[*]-} != *__glass_prompt* ]]; then
        if ((BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1] >= 501)); then
            PROMPT_COMMAND+=("$__glass_hook")
        else
            PROMPT_COMMAND=${PROMPT_COMMAND:+$PROMPT_COMMAND$'\n'}$__glass_hook
        fi
    fi

    # The command log. A report is a word, this shell's process id, the number of the command line, a text
    # and a zero byte. PS0, which older ones lack, is expanded when a whole line was read.
    if [[ ${GLASS_REPORT-} =~ ^[0-9]{1,5}$ && -p /dev/fd/$GLASS_REPORT && -z ${__glass_number-} ]] &&
        ((BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1] >= 404)); then
        __glass_number=0 __glass_read=0 __glass_any=x __glass_seen='' __glass_trap='' __glass_look=1 __glass_told=''
        __glass_open='' __glass_next='' __glass_armed='' __glass_traced=''
        # bash calls this before each simple command, and tells that command alone: the line is in the history,
        # unless the user keeps it out of there. Then all its commands are reported, up to a limit.
        __glass_debug='[[ ${__glass_read-0} == 0 || $BASH_COMMAND == __glass_* || ${FUNCNAME-} == __glass_* ]] || __glass_begin "$_"'
        __glass_begin() {
            if [[ $__glass_read == 1 ]]; then
                __glass_line "$BASH_COMMAND"
                __glass_read=2
                if [[ -o history && -n $__glass_seen && $HISTCMD != "$__glass_seen" ]]; then __glass_read=0; fi
                __glass_seen=$HISTCMD
            else
                __glass_report part "$BASH_COMMAND"
                __glass_read=$((__glass_read < 50 ? __glass_read + 1 : 0))
            fi
            if [[ $__glass_read == 0 ]]; then __glass_rest; fi
            case $BASH_COMMAND in *DEBUG* | source\ * | .\ * | eval\ *) __glass_look=1 ;; esac
            return 0
        }
        # Commands in a loop run ten times as fast without a trap, and so does what makes the prompt.
        __glass_rest() {
            # Another trap may stand in its place by now.
            if [[ -n $__glass_armed && -z $__glass_look ]]; then trap - DEBUG; fi
            if [[ -n $__glass_traced ]]; then set +T; fi
            __glass_armed='' __glass_traced=''
        }
        # The history goes straight into the report: to read it would take a process.
        __glass_line() {
            __glass_number=$((__glass_number + 1)) __glass_open=1
            if [[ -p /dev/fd/$GLASS_REPORT ]]; then
                {
                    builtin printf '%s %s %s %s\0' folder "$$" "$__glass_number" "$PWD" ${1:+part "$$" "$__glass_number" "$1"}
                    builtin printf 'history %s %s ' "$$" "$__glass_number"
                    HISTTIMEFORMAT='' builtin history 1
                    builtin printf '\0'
                } >&"$GLASS_REPORT"
            fi
        }
        __glass_report() {
            if [[ -p /dev/fd/$GLASS_REPORT ]]; then
                builtin printf '%s %s %s %s\0' "$1" "$$" "$__glass_number" "$2" >&"$GLASS_REPORT"
            fi
        }
        __glass_done() {
            local last=${1:-$?}
            __glass_rest
            # Nothing of the line was a simple command, such as the definition of a function; or it was written in an
            # editor that a key has opened, and was not read as others are.
            if [[ -z $__glass_open && ($__glass_read == 1 || $HISTCMD != "${__glass_next:-$HISTCMD}") ]]; then
                __glass_line ''
                __glass_seen=''
            fi
            __glass_read=0 __glass_told=1 __glass_open='' __glass_next=$HISTCMD
            __glass_report end "$last"
            return "$last"
        }
        # Waits for the next line. A trap that the user has set goes on as it is, before this one.
        __glass_await() {
            if [[ -z $__glass_told ]]; then __glass_done "$1"; fi
            __glass_told=''
            # First, so that what makes the prompt does not count as time of the command.
            if [[ ${PROMPT_COMMAND-} != __glass_done* ]]; then
                PROMPT_COMMAND=__glass_done${PROMPT_COMMAND:+$'\n'$PROMPT_COMMAND}
            fi
            if [[ ${PS0-} != *__glass_read* ]]; then PS0=${PS0-}'${__glass_any:$((__glass_read=1)):0}'; fi
            if [[ -n $__glass_look ]]; then
                __glass_look=''
                if [[ -z ${2-} ]]; then
                    __glass_trap=''
                elif [[ $2 != *__glass_begin* ]]; then
                    eval "set -- $2"
                    __glass_trap=$3
                    trap -- "$__glass_trap"$'\n'"$__glass_debug" DEBUG
                fi
            fi
            __glass_report prompt ''
            # Last, since the trap is called from here on. With functrace it is called for lines that are a subshell.
            if [[ -z $__glass_trap ]]; then
                __glass_armed=1
                if [[ ! -o functrace ]]; then
                    __glass_traced=1
                    set -T
                fi
                trap -- "$__glass_debug" DEBUG
            fi
        }
        __glass_report shell bash
        __glass_number=-1
        __glass_line ''
        __glass_open=''
    fi
fi
