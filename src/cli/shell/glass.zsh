# Shows a session of glass in the prompt: its profile and the minutes that are left.
# Reads the environment and zsh's own clock; starts no process. What the environment says is
# reduced to letters, digits and hyphens, and a number: it may have been set by anybody.
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
    }
    __glass_prompt
fi
