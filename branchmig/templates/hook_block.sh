# >>> project @KEY@
(
known=@KNOWN@
paths() { "$@" @PATHS@; }
# branchmig has read these settings before, and they led to the folders above: it leaves a file that says so.
is_known() {
    ids=
    while read -r mode one two path; do
        case $mode in '') continue ;; 100*) ;; *) return 1 ;; esac
        case $one in blob) ids=$ids.$two ;; *) ids=$ids.$one ;; esac
    done <<END
$1
END
    found=
    for file in @SETTINGS@; do [ -e "$file" ] && found=yes; done
    [ -z "$ids$found" ] && return 0 # the project is not on this branch
    [ -e "$known/settings$ids" ] || return 1
    # git does not see changes of settings that it does not track.
    case $ids in .*.*) return 0 ;; esac
    for file in @SETTINGS@; do [ "$file" -nt "$known/settings$ids" ] && return 1; done
    return 0
}
# The same for the work tree, without a git process: its settings are older than the last time that they were known.
seen=$known/seen.${GIT_DIR##*/}
is_unchanged() {
    [ -e "$seen" ] && [ -e @FIRST@ ] || return 1
    for file in @SETTINGS@; do [ "$file" -nt "$seen" ] && return 1; done
    return 0
}
@QUESTION@
# git gives relative names; the project may be in another folder.
case $GIT_INDEX_FILE in '' | /*) ;; *) GIT_INDEX_FILE=$PWD/$GIT_INDEX_FILE && export GIT_INDEX_FILE ;; esac
case $GIT_DIR in '' | /*) ;; *) GIT_DIR=$PWD/$GIT_DIR && export GIT_DIR ;; esac
case $GIT_WORK_TREE in '' | /*) ;; *) GIT_WORK_TREE=$PWD/$GIT_WORK_TREE && export GIT_WORK_TREE ;; esac
# A branch without the project may lack its folder, and push a branch that has it.
cd @FOLDER@ 2>/dev/null
python=@PYTHON@
if [ -x "$python" ]; then set -- "$python" -P -m branchmig @OPTIONS@ hooks run @NAME@ @PLACE@ -- "$@"
elif command -v branchmig >/dev/null; then set -- branchmig @OPTIONS@ hooks run @NAME@ @PLACE@ -- "$@"
else
    echo "branchmig: not found, so the migrations were not checked (installed with $python)" >&2
    exit @LOST@
fi
@RUN@
) || failed=1
# <<< project @KEY@
