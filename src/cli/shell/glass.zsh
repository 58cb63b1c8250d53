# Shows a session of glass in the prompt: its profile and the minutes that are left. Reports each command
# line to the session's supervisor. Reads the environment and zsh's own clock; starts no process. What the
# environment says is reduced to letters, digits and hyphens, and numbers: it may have been set by anybody.
if [[ -o interactive && -n ${GLASS_PROFILE-} ]] && zmodload zsh/datetime 2>/dev/null; then
    __glass_prompt() {
        emulate -L zsh
        local left='' minutes='' colour=red now=$EPOCHSECONDS name=${GLASS_PROFILE//[^a-zA-Z0-9-]/} text before=${__glass_shown-}
        case ${GLASS_EXPIRATION_EPOCH-} in
        '' | *[^0-9]* | ?????????????*) ;;
        *) left=$((10#$GLASS_EXPIRATION_EPOCH - now)) ;;
        esac
        case ${GLASS_LEVEL-} in *read*) colour=yellow ;; esac
        case $left in
        '') ;;
        0 | -*) minutes=' over' ;;
        *) minutes=" $(((left + 59) / 60))m" ;;
        esac
        text="[${name[1,64]}$minutes]"
        if [[ -z ${NO_COLOR-} && ${TERM-dumb} != dumb ]]; then
            if [[ -n $left && $left -le 300 ]]; then text="%S$text%s"; fi
            text="%B%F{$colour}$text%f%b"
        fi
        typeset -g __glass_shown="$text "
        # Themes may have made the prompt anew.
        if [[ -n $before && $PROMPT == *"$before"* ]]; then
            PROMPT=${PROMPT%%"$before"*}$__glass_shown${PROMPT#*"$before"}
        else
            PROMPT=$__glass_shown$PROMPT
        fi
        # Last, so that it comes after whatever makes the prompt.
        precmd_functions=(${precmd_functions:#__glass_prompt} __glass_prompt)
        if [[ -n ${__glass_number-} ]]; then
            preexec_functions=(${preexec_functions:#__glass_begin} __glass_begin)
            # First, so that what makes the prompt does not count as time of the command.
            precmd_functions=(__glass_done ${precmd_functions:#__glass_done})
            __glass_report prompt ''
        fi
    }
    __glass_prompt

    # The command log. A report is a word, this shell's process id, the number of the command line, a text
    # and a zero byte.
    if [[ ${GLASS_REPORT-} == <1-99999> && -p /dev/fd/$GLASS_REPORT && -z ${__glass_number-} ]]; then
        typeset -gi __glass_number=0
        __glass_report() {
            emulate -L zsh
            if [[ -p /dev/fd/$GLASS_REPORT ]]; then
                builtin printf '%s\0' "$1 $$ $__glass_number ${2//$'\0'/}" >&$GLASS_REPORT
            fi
        }
        # zsh tells the line as it was typed, unless it keeps no history at all.
        __glass_begin() {
            __glass_number+=1
            __glass_report folder "$PWD"
            if [[ -n $1 ]]; then __glass_report line "$1"; else __glass_report part "$3"; fi
        }
        __glass_done() { __glass_report end $? }
        __glass_report shell zsh
        __glass_prompt
    fi
fi
