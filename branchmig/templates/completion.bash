# Completes branchmig's command lines in bash. Made by: branchmig completion bash
_branchmig_complete() {
    local program=branchmig line
    # A program that is named by its path is asked itself; an alias is not.
    [[ $1 == */* && -x $1 ]] && program=$1
    COMPREPLY=()
    while IFS= read -r line; do
        if [[ $line == $'\tfile' ]]; then
            compopt -o default 2>/dev/null
        else
            COMPREPLY+=("$line")
        fi
    done < <(_BRANCHMIG_COMPLETE=bash "$program" "${COMP_LINE:0:COMP_POINT}" "$COMP_WORDBREAKS" 2>/dev/null)
}
# bash before 4.4 has no nosort.
complete -o nosort -F _branchmig_complete branchmig 2>/dev/null || complete -F _branchmig_complete branchmig
