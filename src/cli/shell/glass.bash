# Shows a session of glass in the prompt: its profile and the minutes that are left.
# Reads the environment and bash's own clock; starts no process. What the environment says is
# reduced to letters, digits and hyphens, and a number: it may have been set by anybody.
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
        return "$last"
    }
    # Last, so that it comes after whatever makes the prompt.
    if [[ ${PROMPT_COMMAND[*]-} != *__glass_prompt* ]]; then
        if ((BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1] >= 501)); then
            PROMPT_COMMAND+=(__glass_prompt)
        else
            PROMPT_COMMAND=${PROMPT_COMMAND:+$PROMPT_COMMAND$'\n'}__glass_prompt
        fi
    fi
fi
