# Completes branchmig's command lines in fish. Made by: branchmig completion fish
function __branchmig_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l program branchmig
    if string match -q '*/*' -- $words[1]; and test -x $words[1]
        set program $words[1]
    end
    set -e words[1]
    for line in (env _BRANCHMIG_COMPLETE=fish $program $words "$current" 2>/dev/null)
        if test "$line" = \tfile
            # Within a quote that is still open there is nothing to unescape.
            __fish_complete_path (string unescape -- "$current"; or echo "$current")
        else
            printf '%s\n' $line
        end
    end
end
complete --command branchmig --no-files --keep-order --arguments '(__branchmig_complete)'
