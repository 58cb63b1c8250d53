# Shows a session of glass in the prompt: its profile and the minutes that are left. Reports each command
# line to the session's supervisor. Reads the environment; fish has no clock of its own, but it tells when a
# file was changed and how long that is ago, which is the time of now. Starts no process. What the environment
# says is reduced to letters, digits and hyphens, and numbers: it may have been set by anybody.
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
            functions -q __glass_report __glass_begin; and __glass_report prompt ''
        end
    end

    # The command log. A report is a word, this shell's process id, the number of the command line, a text
    # and a zero byte.
    if string match -qr '\A[0-9]{1,5}\z' -- "$GLASS_REPORT"; and test -p /dev/fd/$GLASS_REPORT; and not set -q __glass_number
        set -g __glass_number 0
        function __glass_report
            if test -p /dev/fd/$GLASS_REPORT
                builtin printf '%s %s %s %s\0' $argv[1] $fish_pid $__glass_number "$argv[2]" >&$GLASS_REPORT
            end
        end
        function __glass_begin --on-event fish_preexec
            set -g __glass_number (math $__glass_number + 1)
            __glass_report folder "$PWD"
            __glass_report line "$argv[1]"
        end
        function __glass_done --on-event fish_prompt
            set -l last $status
            # A shell that tells no lines tells nothing: then it is noticed.
            functions -q __glass_begin; and __glass_report end $last
        end
        __glass_report shell fish
    end
end
