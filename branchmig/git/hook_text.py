"""The text of a git hook: a beginning that runs what was there before, then a block of shell for each project.

The shell asks git whether migrations or settings changed before it starts Python. Where the migrations lie is fixed in
a block, so the block also asks whether these settings are known to lead there; else Python reads them.
"""

from __future__ import annotations

import hashlib
import re
import shlex
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import resources
from urllib.parse import quote_from_bytes

VERSION = 2
BLOCKING = ("pre-commit", "pre-merge-commit", "pre-push")
TELLING = ("post-checkout", "post-merge", "post-rewrite")
HOOKS = (*BLOCKING, *TELLING)
REPAIRING = "post-commit"
"""The hook for picks, beside which git runs no other: installed where several heads are to be made one."""
EVERY_HOOK = (*HOOKS, REPAIRING)

_MARK = re.compile(r"@([A-Z]+)@")
_VERSION_LINE = re.compile(r"\n# branchmig hook (\d+): ")
_BLOCK = re.compile(r"^# >>> project (?P<key>\S+ \S+)\n.*?^# <<< project (?P=key)\n", re.MULTILINE | re.DOTALL)
_OLD_FOLDER = re.compile(r"^cd (.*?) \|\| exit \d$", re.MULTILINE | re.DOTALL)
_OLD_OPTIONS = re.compile(r'^if .* set -- "\$python" -P -m branchmig (.*?) ?hooks run ', re.MULTILINE | re.DOTALL)

_EMPTY_TREE = "$(git hash-object -t tree --stdin </dev/null)"
_RUN_KEPT = '[ -x "$kept" ] && { "$kept" "$@" || exit $?; }'
_RUN_KEPT_THEN_TELL = '[ -x "$kept" ] && "$kept" "$@"'
_STAGED = f"""\
paths git diff-index --cached --quiet HEAD -- 2>/dev/null
case $? in
    0) same=yes ;;
    1) same= ;;
    *) paths git diff-index --cached --quiet "{_EMPTY_TREE}" -- && same=yes || same= ;; # there is no HEAD yet
esac
[ -n "$same" ] && is_unchanged && exit 0
[ -n "$same" ] && is_known "$(git ls-files -s -- @SPECS@)" && {{ echo >"$seen"; exit 0; }} 2>/dev/null"""
_UNCHANGED = """\
same=$?
[ $same = 0 ] && is_unchanged && exit 0
[ $same = 0 ] && is_known "$(git ls-tree --full-tree HEAD -- @NAMES@)" && { echo >"$seen"; exit 0; } 2>/dev/null"""

_KEPT = {
    "pre-commit": _RUN_KEPT,
    "pre-merge-commit": _RUN_KEPT,
    "pre-push": f"""\
pushed=$(cat)
[ -x "$kept" ] && {{ printf '%s' "${{pushed:+$pushed$newline}}" | "$kept" "$@" || exit $?; }}
nothing={_EMPTY_TREE}""",
    "post-checkout": f"""\
{_RUN_KEPT_THEN_TELL}
[ "$3" = 1 ] && [ "$1" != "$2" ] || exit 0""",
    "post-merge": _RUN_KEPT_THEN_TELL,
    "post-rewrite": """\
rewritten=$(cat)
[ -x "$kept" ] && printf '%s' "${rewritten:+$rewritten$newline}" | "$kept" "$@"
case $1 in
    rebase) before=ORIG_HEAD ;;
    *) before=${rewritten%% *} ;; # of an amend: one line, `old new`
esac""",
    "post-commit": f"""\
{_RUN_KEPT_THEN_TELL}
# git runs this for each commit; of one that is picked or reverted, the reflog tells.
case $(git log --walk-reflogs -1 --format=%gs HEAD 2>/dev/null) in cherry-pick:* | revert:*) ;; *) exit 0 ;; esac""",
}

# What each block asks git before it starts Python.
_QUESTIONS = {
    "pre-commit": _STAGED,
    "pre-merge-commit": _STAGED,
    "pre-push": """\
changed=
while read -r ref new remote old; do
    case $new in *[!0]*) ;; *) changed=yes; continue ;; esac # a branch is deleted
    # A branch that is new there is compared with nothing.
    case $old in *[!0]*) ;; *) old=$nothing ;; esac
    paths git diff --quiet "$old" "$new" -- 2>/dev/null &&
        is_known "$(git ls-tree --full-tree "$new" -- @NAMES@)" || changed=yes
done <<EOF
$pushed
EOF
[ -n "$changed" ] || exit 0""",
    # `merge --squash` moves no HEAD: what it has merged is staged.
    "post-merge": f"""\
case $1 in 1) set -- "$@" diff-index --cached HEAD ;; *) set -- "$@" diff ORIG_HEAD HEAD ;; esac
paths git "$2" --quiet "$3" $4 -- 2>/dev/null
{_UNCHANGED}
set -- "$1" """,
    "post-rewrite": f'paths git diff --quiet "$before" HEAD -- 2>/dev/null\n{_UNCHANGED}',
    "post-commit": f"paths git diff --quiet HEAD^ HEAD -- 2>/dev/null\n{_UNCHANGED}",
    # In the middle of a rebase HEAD is on its way; post-rewrite speaks when it has arrived.
    "post-checkout": f"""\
paths git diff --quiet "$1" "$2" -- 2>/dev/null
{_UNCHANGED}
for busy in rebase-merge rebase-apply; do
    [ -e "$(git rev-parse --git-path $busy)" ] && exit 0
done""",
}
_RUN = {
    "pre-push": 'printf \'%s\' "${pushed:+$pushed$newline}" | "$@"',
    "pre-commit": '"$@"',
    "pre-merge-commit": '"$@"',
}


@dataclass(frozen=True, slots=True)
class Installation:
    """What the hooks of one project need to know: which project it is, where it is, how branchmig is started.

    `settings` are the config files, from the top of the work tree, or absolute where they are elsewhere; the first is
    the one that names the project, together with `section`. `state` is the folder for notes of branchmig's own, as the
    shell finds it.
    """

    folder: str
    paths: tuple[str, ...]
    options: tuple[str, ...]
    settings: tuple[str, ...] = ("alembic.ini", "pyproject.toml")
    section: str = "alembic"
    state: str = "${0%/*}/../branchmig"
    hooks: tuple[str, ...] = HOOKS
    python: str = sys.executable

    @property
    def key(self) -> str:
        """The name of this project's block, in ASCII and without a newline, whatever the names hold."""
        return f"{_plain(self.settings[0])} {_plain(self.section)}"

    @property
    def tracked_settings(self) -> tuple[str, ...]:
        """The config files that git may track."""
        return tuple(path for path in self.settings if not path.startswith("/"))

    @property
    def digest(self) -> str:
        """A hash of this project and its folders: the name of what is known of its settings."""
        whole = "\0".join([self.key, *self.paths])
        return hashlib.blake2b(whole.encode("utf-8", "surrogateescape"), digest_size=8).hexdigest()


def hook_block(name: str, installation: Installation) -> str:
    """Return the part of a hook that checks one project. Every value from the project is quoted for the shell."""
    specs = _quoted(f":(top,literal){path}" for path in installation.tracked_settings)
    settings = [path if path.startswith("/") else f"./{path}" for path in installation.settings]
    paths = (word for path in installation.paths for word in ("--path", path))
    place = ["--folder", installation.folder or ".", *paths]
    shape = {"QUESTION": _QUESTIONS[name], "RUN": _RUN.get(name, '"$@" </dev/null')}
    values = {
        "KEY": installation.key,
        "NAME": name,
        "LOST": "1" if name in BLOCKING else "0",
        "KNOWN": f"{installation.state}/hooks/{installation.digest}",
        "PATHS": " ".join(filter(None, [_quoted(f":(top,literal){path}" for path in installation.paths), specs])),
        "SPECS": specs,
        "NAMES": _quoted(installation.tracked_settings),
        "SETTINGS": _quoted(settings),
        "FIRST": _quoted(settings[:1]),
        # Not a bare name: that could be an option to cd, or be looked up in CDPATH.
        "FOLDER": shlex.quote(f"./{installation.folder}"),
        "PYTHON": shlex.quote(installation.python),
        "OPTIONS": _quoted(installation.options),
        "PLACE": _quoted(place),
    }
    # Each pass looks at what it is given once: a path that holds @NAME@ stays as it is.
    return _filled(_filled(_template("hook_block.sh"), shape), values)


def hook_script(name: str, blocks: Mapping[str, str]) -> str:
    """Return the text of a hook with a block for each project, by key."""
    values = {
        "VERSION": str(VERSION),
        "NAME": name,
        "KEPT": _KEPT[name],
        "BLOCKS": "".join(block for _, block in sorted(blocks.items())),
        "EXIT": "$failed" if name in BLOCKING else "0",
    }
    return _filled(_template("hook.sh"), values)


def blocks_of(text: str) -> dict[str, str]:
    """Return the blocks of a hook, by the key of their project."""
    return {found["key"]: found[0] for found in _BLOCK.finditer(text)}


def version_of(text: str) -> int | None:
    """Return the format of a hook that branchmig wrote; None for anybody else's hook."""
    found = _VERSION_LINE.search(text[:200])
    return int(found[1]) if found else None


def is_old_of(text: str, installation: Installation) -> bool:
    """Return whether a hook of format 1, which has one project and no blocks, is this project's."""
    folder, options = _OLD_FOLDER.search(text), _OLD_OPTIONS.search(text)
    if folder is None or options is None:
        return False
    wanted = ([f"./{installation.folder}"], [*installation.options])
    return (_words(folder[1])[:1], _words(options[1])) == wanted


def project_of(key: str) -> str:
    """Return how a message names the project of a block: by its config file, and a section that is not the usual."""
    file, _, section = key.partition(" ")
    return file if section == "alembic" else f"{file} [{section}]"


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:
        return []


def _plain(name: str) -> str:
    return quote_from_bytes(name.encode("utf-8", "surrogateescape"), safe="/") or "."


def _quoted(words: Iterable[str]) -> str:
    return " ".join(shlex.quote(word) for word in words)


def _filled(text: str, values: Mapping[str, str]) -> str:
    return _MARK.sub(lambda mark: values.get(mark[1], mark[0]), text)


def _template(name: str) -> str:
    return resources.files("branchmig").joinpath(f"templates/{name}").read_text(encoding="utf-8")
