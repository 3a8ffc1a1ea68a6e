#compdef branchmig
# Completes branchmig's command lines in zsh. Made by: branchmig completion zsh
_branchmig() {
    local program=branchmig line value help
    local -a given found
    [[ ${words[1]} == */* && -x ${words[1]} ]] && program=${words[1]}
    (( CURRENT > 2 )) && given=("${(@Q)words[2,CURRENT-1]}")
    given+=("${(Q)PREFIX}")
    for line in "${(@f)$(_BRANCHMIG_COMPLETE=zsh "$program" "${given[@]}" 2>/dev/null)}"; do
        if [[ $line == $'\tfile' ]]; then
            # What stands before the = of --option=FILE is no part of the file's name.
            compset -P '--[^=]#=' || compset -P '-*='
            _files
            return
        fi
        value=${line%%$'\t'*}
        help=${line#*$'\t'}
        [[ -n $value ]] && found+=("${${value//\\/\\\\}//:/\\:}${help:+:$help}")
    done
    (( $#found )) && _describe -V 'branchmig' found
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    _branchmig "$@"
else
    compdef _branchmig branchmig
fi
