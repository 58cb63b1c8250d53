# Shows a session of glass in the prompt: its profile and the minutes that are left.
# Reads the environment; fish has no clock of its own, but it tells when a file was changed and how
# long that is ago, which is the time of now. Starts no process. What the environment says is
# reduced to letters, digits and hyphens, and a number: it may have been set by anybody.
if status is-interactive; and test -n "$GLASS_PROFILE"; and contains path (builtin -n)
    function __glass_segment
        set -l name (string sub -l 64 -- (string replace -ra '[^a-zA-Z0-9-]' '' -- "$GLASS_PROFILE"))
        set -l style --bold red
        string match -q '*read*' -- "$GLASS_LEVEL"; and set style --bold yellow
        set -l minutes
        if string match -qr '\A[0-9]{1,12}\z' -- "$GLASS_EXPIRATION_EPOCH"
            set -l left (math $GLASS_EXPIRATION_EPOCH - (path mtime /) - (path mtime -R /))
            test $left -le 300; and set -a style --reverse
            set minutes ' over'
            test $left -gt 0; and set minutes " "(math "ceil($left / 60)")m
        end
        if test -n "$NO_COLOR"; or contains -- "$TERM" '' dumb
            echo -n "[$name$minutes] "
        else
            echo -ns (set_color $style) "[$name$minutes]" (set_color normal) ' '
        end
    end
    # Last, so that it stands around whatever makes the prompt.
    if not functions fish_prompt | string match -q '*__glass_segment*'
        functions -q __glass_fish_prompt; and functions -e __glass_fish_prompt
        functions -c fish_prompt __glass_fish_prompt
        function fish_prompt
            # First, while the status is still that of the command.
            set -l lines (__glass_fish_prompt)
            __glass_segment
            string join \n -- $lines
        end
    end
end
