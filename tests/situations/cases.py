"""Situations whose right answer is their own: each case names the commands that it reaches, and what they must say.

README.md says how this differs from rows.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.support import ENV

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from tests.repositories import Checkout
    from tests.situations.rows import Ground

Answers = dict[str, tuple[int, str]]
"""Command lines to the exit code and a part of what is printed."""


@dataclass(frozen=True)
class Case:
    """One situation, and what each command that it reaches must answer there."""

    name: str
    kind: str
    build: Callable[[Ground], Path]
    answers: Mapping[str, tuple[int, str]]
    stdin: str = ""
    """What git would give to the hook; branches stand for their commits, NONE for no commit."""


CASES: list[Case] = []


def case(
    kind: str, answers: Answers, stdin: str = ""
) -> Callable[[Callable[[Ground], Path]], Callable[[Ground], Path]]:
    """Make a case of a builder; it is called as the builder is."""

    def add(build: Callable[[Ground], Path]) -> Callable[[Ground], Path]:
        CASES.append(Case(build.__name__.replace("_", " "), kind, build, answers, stdin))
        return build

    return add


def on(repo: Checkout, branch: str) -> None:
    """Check a branch out; one that is new begins at the commit that is checked out."""
    options = (
        [] if repo.run("rev-parse", "--verify", "--quiet", f"refs/heads/{branch}").returncode == 0 else ["--create"]
    )
    repo.git("switch", "--quiet", *options, branch)


POINTER = "is a Git LFS pointer: its content is not in this repository"
FINE: Answers = {
    "heads --at HEAD": (0, "ccc3 (head)"),
    "guard": (0, "ok: one head, ccc3"),
    "forecast HEAD": (0, "ok, head ccc3"),
    "report --no-sql --check": (0, "every rule holds"),
    "status --no-db": (0, "head: ccc3"),
}


# --- formats


@case(
    "format",
    {
        "heads --at HEAD": (3, POINTER),
        "guard": (1, POINTER),
        "forecast HEAD": (1, f"HEAD: migrations/versions/ddd4.py {POINTER}"),
        "conflicts": (3, POINTER),
        "report --no-sql --check": (1, POINTER),
        "status --no-db": (0, "Open: unreadable-revision."),
        "hooks run pre-commit": (1, POINTER),
    },
)
def lfs_pointers(ground: Ground) -> Path:
    repo = ground.repo
    (repo.versions / "ddd4.py").write_text(
        f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 12\n"
    )
    repo.commit("in LFS")
    return repo.root


@case(
    "format",
    {
        "heads": (0, "ccc3 (head)"),
        "heads --at HEAD": (0, "ccc3 (head)\nddd4 (head)"),
        "guard --at index": (1, "2 heads: ccc3"),
        "forecast HEAD": (1, "2 heads: ccc3, ddd4"),
        "hooks run pre-commit": (1, "2 heads: ccc3"),
    },
)
def two_names_that_differ_in_case(ground: Ground) -> Path:
    """On a file system that ignores case, one of the two files is checked out."""
    repo = ground.repo
    repo.table("ddd4", "bbb2", name="CCC3.py")
    repo.commit("another file")
    (repo.versions / "CCC3.py").unlink()
    repo.git("config", "core.ignoreCase", "true")
    return repo.root


# --- history


@case(
    "history",
    {
        "guard": (1, "deleted-revision: revision 'bbb2' is on main"),
        "guard --with main": (
            1,
            "merge-conflict: CONFLICT (modify/delete): migrations/versions/bbb2.py deleted in",
        ),
        "forecast HEAD": (1, "CONFLICT (modify/delete): migrations/versions/bbb2.py deleted in HEAD"),
        "report --no-sql --check": (1, "CONFLICT (modify/delete): migrations/versions/bbb2.py deleted in"),
        "status --no-db": (0, "Open: deleted-revision"),
        "hooks run pre-commit": (1, "deleted-revision: revision 'bbb2' is on main"),
    },
)
def modify_delete_conflict(ground: Ground) -> Path:
    """main has other words in bbb2, and feature has put its own revision in the place of it."""
    repo = ground.repo
    (repo.versions / "bbb2.py").unlink()
    # Not like bbb2: git would take it for the same file under another name.
    repo.revision("ccc3", "aaa1", upgrade="\n".join(f"op.execute('select {number}')" for number in range(30)))
    repo.commit("without bbb2")
    on(repo, "main")
    repo.table("bbb2", "aaa1", message="in other words")
    repo.commit("other words")
    on(repo, "feature")
    return repo.root


@case(
    "history",
    {
        "guard --at index": (1, "migrations/versions/bbb2.py is in conflict"),
        "status --no-db": (0, "Open: "),
        "hooks run pre-commit": (1, "migrations/versions/bbb2.py is in conflict"),
    },
)
def modify_delete_conflict_in_the_middle_of_the_merge(ground: Ground) -> Path:
    modify_delete_conflict(ground)
    assert ground.repo.run("merge", "main").returncode == 1
    return ground.repo.root


@case(
    "history",
    {
        "guard": (0, "ok: one head, ccc3"),
        "guard --with main": (1, "merge-conflict: CONFLICT (rename/rename)"),
        "forecast HEAD": (1, "CONFLICT (rename/rename)"),
        "report --no-sql --check": (1, "1 rule broken"),
        "status --no-db": (0, "Open: merge-conflict once main is merged."),
    },
)
def rename_rename_conflict(ground: Ground) -> Path:
    repo = ground.repo
    repo.git("mv", "migrations/versions/bbb2.py", "migrations/versions/0002_bbb2.py")
    repo.commit("rename")
    on(repo, "main")
    repo.git("mv", "migrations/versions/bbb2.py", "migrations/versions/bbb2_second.py")
    repo.commit("rename otherwise")
    on(repo, "feature")
    return repo.root


@case(
    "history",
    {
        "guard": (0, "ok: one head, mmm5"),
        "forecast HEAD": (0, "ok, head mmm5"),
        "conflicts": (0, "no conflicts"),
        "report --no-sql --check": (0, "`mmm5` | step mmm5 | Ada"),
    },
)
def merge_revision_within_the_merge_commit(ground: Ground) -> Path:
    repo = ground.repo
    on(repo, "main")
    repo.table("ddd4", "bbb2")
    repo.commit("on main")
    on(repo, "feature")
    repo.git("merge", "--quiet", "--no-commit", "main")
    repo.revision("mmm5", "ccc3", "ddd4")
    repo.commit("merge")
    return repo.root


@case(
    "history",
    {
        "guard": (0, "ok: one head, ccc3"),
        "guard --target release/1.0": (1, "'ccc3' is on release/1.0 too, with parents rel1 (here bbb2)"),
        "conflicts --with release/1.0": (1, "'ccc3' is on both sides, there with parents rel1 (here bbb2)"),
        "forecast feature --into release/1.0": (1, "cannot be read: migrations/versions/ccc3.py"),
        "forecast": (1, "release/1.0: 2 heads: bbb2, ccc3"),
        "report --no-sql": (0, "`release/1.0` cannot land beside this one"),
    },
)
def backport_with_another_parent(ground: Ground) -> Path:
    """release has rel1 on the base, and ccc3 of feature above it."""
    repo = ground.repo
    repo.git("switch", "--quiet", "--create", "release/1.0", "main~1")
    repo.table("rel1", "aaa1")
    repo.commit("on release")
    repo.table("ccc3", "rel1")
    repo.commit("backport")
    on(repo, "feature")
    return repo.root


@case(
    "history",
    {
        "guard": (1, "'ccc3' is on main too, with another script"),
        "guard --with main": (1, "revision 'ccc3' is defined 2 times"),
        "forecast HEAD": (1, "defined twice: ccc3"),
        "conflicts": (1, "two revisions have the id 'ccc3'"),
        "status --no-db": (0, "Open: diverged-revision; duplicate-revision once main is merged."),
        "hooks run pre-commit": (1, "'ccc3' is on main too"),
    },
)
def one_id_on_two_branches(ground: Ground) -> Path:
    repo = ground.repo
    on(repo, "main")
    repo.revision("ccc3", "bbb2", upgrade="op.execute('select 3')", name="other.py")
    repo.commit("the same id")
    on(repo, "feature")
    return repo.root


@case(
    "history",
    {
        "guard": (1, "'0003' is on main too, with parents bbb2 (here ccc3)"),
        "forecast HEAD": (1, "defined twice: 0003"),
        "conflicts": (1, "'0003' is on both sides, there with parents bbb2 (here ccc3)"),
        "status --no-db": (0, "Open: diverged-revision; duplicate-revision once main is merged."),
    },
)
def sequential_ids(ground: Ground) -> Path:
    repo = ground.repo
    for branch, number in (("main", "0003"), ("feature", "0003")):
        on(repo, branch)
        repo.table(number, "bbb2" if branch == "main" else "ccc3", name=f"0003_{branch}.py")
        repo.commit(number)
    return repo.root


@case(
    "history",
    {
        "guard": (0, "ok: one head, ccc3"),
        "guard --with main": (0, "ok: one head, ccc3"),
        "forecast HEAD": (0, "ok, head ccc3"),
        "report --no-sql --check": (0, "every rule holds"),
    },
)
def history_squashed_by_hand_and_landed(ground: Ground) -> Path:
    repo = ground.repo
    on(repo, "main")
    (repo.versions / "aaa1.py").unlink()
    path = repo.table("bbb2")
    path.write_text(path.read_text() + "\nreplaces = ('aaa1', 'bbb2')\n")
    repo.commit("squash")
    on(repo, "feature")
    return repo.root


@case(
    "history",
    {
        "guard": (0, "ok: one head, ccc3"),
        "guard --with main": (0, "ok: one head, ddd4"),
        "forecast HEAD": (0, "1 other branch without new revisions"),
        "conflicts": (0, "0 revisions of worktree, 1 of main"),
        "report --no-sql --check": (0, ""),
    },
)
def landed_by_a_rebase_merge(ground: Ground) -> Path:
    """main has the work of feature in commits of its own, and more above."""
    repo = ground.repo
    on(repo, "main")
    (repo.root / "notes").write_text("main")
    repo.commit("notes")
    repo.git("cherry-pick", "feature")
    repo.table("ddd4", "ccc3")
    repo.commit("more")
    on(repo, "feature")
    return repo.root


@case(
    "history",
    {
        "guard": (1, "hint: join them: branchmig merge\n"),
        "forecast HEAD": (1, "2 heads: ccc3, ddd4"),
        "rebase --dry-run": (3, "release/1.0, v1 have it, too"),
        "status --no-db": (0, "Open: 2 heads."),
    },
)
def release_branch_and_tag_that_hold_the_revision(ground: Ground) -> Path:
    repo = ground.repo
    repo.git("tag", "v1")
    repo.git("branch", "release/1.0")
    on(repo, "main")
    repo.table("ddd4", "bbb2")
    repo.commit("on main")
    on(repo, "feature")
    repo.table("ccc3", "bbb2", message="step ccc3")
    repo.git("merge", "--quiet", "--no-edit", "main")
    return repo.root


# --- refs, clones, layout


@case("clone", FINE)
def sparse_cone_without_the_project(ground: Ground) -> Path:
    repo = ground.repo
    (repo.root / "docs").mkdir()
    (repo.root / "docs/page").write_text("page")
    repo.commit("docs")
    repo.git("sparse-checkout", "set", "--cone", "docs")
    return repo.root


@case(
    "layout",
    {
        "guard": (0, "ok: one head, ccc3"),
        "-n other guard": (0, "ok: one head, x1"),
        "-n other guard --at main": (1, "alembic.ini of main has no script_location in [other]"),
        "-n other forecast HEAD": (0, "ok, head x1"),
        "-n other hooks status": (1, "not installed"),
    },
)
def sections_of_one_ini(ground: Ground) -> Path:
    repo = ground.repo
    (repo.root / "other/versions").mkdir(parents=True)
    ini = repo.root / "alembic.ini"
    ini.write_text(f"{ini.read_text()}\n[other]\nscript_location = %(here)s/other\n")
    (repo.root / "other/env.py").write_text("")
    (repo.root / "other/versions/x1.py").write_text("revision = 'x1'\ndown_revision = None\n")
    repo.commit("another project in the same file")
    return repo.root


# --- hooks


RECEIVE = "hooks run pre-receive"


@case("hooks", {"guard": (0, "ok"), "hooks run pre-commit": (1, "2 heads: ccc3")})
def pre_commit_names_what_is_pushed(ground: Ground) -> Path:
    """The commit that is pushed has two heads; the index, another branch's, is sound."""
    repo = ground.repo
    repo.table("ddd4", "bbb2")
    ground.patch.setenv("PRE_COMMIT_TO_REF", repo.commit("two heads"))
    ground.patch.setenv("PRE_COMMIT_FROM_REF", repo.git("rev-parse", "main"))
    on(repo, "main")
    return repo.root


@case(
    "hooks",
    {"hooks run pre-push origin url": (1, "2 heads: ccc3")},
    stdin="refs/heads/feature feature refs/heads/feature NONE\n",
)
def push_of_a_branch_that_is_not_checked_out(ground: Ground) -> Path:
    repo = ground.repo
    repo.table("ddd4", "bbb2")
    repo.commit("two heads")
    on(repo, "main")
    return repo.root


def server(ground: Ground, landed: str = "feature") -> Path:
    """Return a bare repository whose main is at a commit; the hook's process starts there."""
    bare = ground.folder / "server.git"
    ground.repo.git("clone", "--quiet", "--bare", str(ground.repo.top), str(bare))
    ground.repo.git("symbolic-ref", "HEAD", "refs/heads/main", cwd=bare)
    ground.repo.git("update-ref", "refs/heads/main", landed, cwd=bare)
    ground.patch.setenv("GIT_DIR", ".")
    return bare


@case("hooks", {RECEIVE: (0, "")}, stdin="main feature refs/heads/main\n")
def pre_receive_of_a_fast_forward(ground: Ground) -> Path:
    return server(ground, "main")


@case("hooks", {RECEIVE: (1, "deleted-revision: revision 'ccc3' is on main")}, stdin="feature main refs/heads/main\n")
def pre_receive_of_a_forced_main(ground: Ground) -> Path:
    return server(ground)


@case("hooks", {RECEIVE: (0, "")}, stdin="NONE main refs/heads/new\n")
def pre_receive_of_a_new_branch(ground: Ground) -> Path:
    return server(ground)


@case(
    "hooks",
    {RECEIVE: (1, "main has 'aaa1', 'bbb2', 'ccc3', which is where work lands")},
    stdin="feature NONE refs/heads/main\n",
)
def pre_receive_of_a_deletion(ground: Ground) -> Path:
    return server(ground)


@case("hooks", {RECEIVE: (0, "")}, stdin="NONE main refs/for/main%topic=x\n")
def pre_receive_of_a_review(ground: Ground) -> Path:
    return server(ground)


# --- env.py: status alone runs it


def migrated(ground: Ground, env: str, *settings: str) -> Path:
    """Write an env.py, and upgrade the database through it."""
    repo = ground.repo
    repo.write_env(env)
    ini = repo.root / "alembic.ini"
    ini.write_text("\n".join([ini.read_text(), *settings, ""]))
    told = repo.branchmig("upgrade", "heads")
    assert told.exit_code == 0, told
    return repo.root


@case("env.py", {"status": (0, "shop.db: at ccc3")})
def url_from_the_environment(ground: Ground) -> Path:
    ground.patch.setenv("SHOP_URL", f"sqlite:///{ground.folder / 'shop.db'}")
    env = ENV.replace("{options}", "").replace('config.get_main_option("sqlalchemy.url")', 'os.environ["SHOP_URL"]')
    return migrated(ground, f"import os\n{env}")


@case("env.py", {"status": (0, "Open: 3 pending.")})
def transaction_that_is_never_committed(ground: Ground) -> Path:
    """The rows that it has written are gone when it ends."""
    repo = ground.repo
    begun = "    with engine.connect() as connection:\n        connection.exec_driver_sql('select 1')\n"
    repo.write_env(ENV.replace("{options}", "").replace("    with engine.connect() as connection:\n", begun))
    assert repo.branchmig("upgrade", "heads").exit_code == 3
    return repo.root


@case(
    "env.py",
    {
        "guard": (3, "not checked: multiple-heads: env.py sets version_locations when it runs"),
        "status": (0, "head: ccc3"),
        "hooks run pre-commit": (0, "not checked: multiple-heads"),
    },
)
def version_locations_set_by_env_py(ground: Ground) -> Path:
    repo = ground.repo
    (repo.root / "more").mkdir()
    repo.git("mv", "migrations/versions/ccc3.py", "more/ccc3.py")
    repo.commit("elsewhere")
    places = f"{[str(repo.versions), str(repo.root / 'more')]!r}"
    return migrated(
        ground,
        ENV.replace("{options}", "").replace(
            "config = context.config\n", f"config = context.config\ncontext.script.version_locations = {places}\n"
        ),
    )


ASYNC = """
import asyncio
from sqlalchemy.ext.asyncio import create_async_engine


def migrate(connection):
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()


async def run():
    url = context.config.get_main_option("sqlalchemy.url")
    engine = create_async_engine(url.replace("sqlite:", "sqlite+aiosqlite:"))
    async with engine.connect() as connection:
        await connection.run_sync(migrate)
    await engine.dispose()


from alembic import context

asyncio.run(run())
"""


@case("env.py", {"status": (0, "app.db: at ccc3")})
def asynchronous(ground: Ground) -> Path:
    return migrated(ground, ASYNC)


SEVERAL = """
from alembic import context
from sqlalchemy import create_engine

for name in ("one", "two"):
    engine = create_engine(f"sqlite:///{name}.db")
    with engine.connect() as connection:
        context.configure(connection=connection, upgrade_token=f"{name}_up", downgrade_token=f"{name}_down")
        with context.begin_transaction():
            context.run_migrations()
"""


@case("env.py", {"status": (0, "two.db: at ccc3")})
def several_databases(ground: Ground) -> Path:
    return migrated(ground, SEVERAL)


@case("env.py", {"status": (0, "(shop_version): at ccc3")})
def version_table_of_its_own(ground: Ground) -> Path:
    return migrated(ground, ENV.replace("{options}", ", version_table='shop_version'"))


# --- databases that status reaches


@case("database", {"status": (0, "Open: 1 lost; 3 pending.")})
def rows_of_unknown_revisions(ground: Ground) -> Path:
    root = migrated(ground, ENV.replace("{options}", ""))
    ground.repo.execute("update alembic_version set version_num = 'nowhere'")
    return root


@case("database", {"status": (0, f"at {'d' * 40}")})
def wider_column_and_a_long_id(ground: Ground) -> Path:
    repo = ground.repo
    repo.execute("create table alembic_version (version_num varchar(64) not null primary key)")
    repo.table("d" * 40, "ccc3")
    repo.commit("a long id")
    return migrated(ground, ENV.replace("{options}", ""))


@case("database", {"status": (0, "Open: it could not be asked.")})
def database_that_cannot_be_reached(ground: Ground) -> Path:
    ini = ground.repo.root / "alembic.ini"
    ini.write_text(ini.read_text().replace(ground.repo.url, "postgresql+psycopg://nobody:secret@127.0.0.1:1/none"))
    return ground.repo.root


# --- files


HEADERS = {
    "computed": "NUMBER = 3\nrevision = f'ccc{NUMBER}'\ndown_revision = 'bbb' + str(NUMBER - 1)\n",
    "imported": "from shared import ID as revision\ndown_revision = 'bbb2'\n",
    "tuple": "revision, down_revision = ('ccc3', 'bbb2')\n",
    "huge": f"revision = 'ccc3'\ndown_revision = 'bbb2'\nROWS = {['x' * 100] * 3000!r}\n",
}


def header(ground: Ground, name: str) -> Path:
    repo = ground.repo
    (repo.root / "shared.py").write_text("ID = 'ccc3'\n")
    ini = repo.root / "alembic.ini"
    ini.write_text(f"{ini.read_text()}prepend_sys_path = .\n")
    (repo.versions / "ccc3.py").write_text(f"{HEADERS[name]}\n\ndef upgrade():\n    pass\n")
    repo.commit(name)
    return repo.root


@case("files", FINE)
def header_that_is_computed(ground: Ground) -> Path:
    return header(ground, "computed")


@case("files", FINE)
def header_that_is_imported(ground: Ground) -> Path:
    return header(ground, "imported")


@case("files", FINE)
def header_in_one_tuple(ground: Ground) -> Path:
    return header(ground, "tuple")


@case("files", FINE)
def literal_of_300_kilobytes(ground: Ground) -> Path:
    return header(ground, "huge")


@case("files", FINE)
def formatter_and_annotations_alone(ground: Ground) -> Path:
    """bbb2, which has landed, has other quotes, an annotation and a comment."""
    path = ground.repo.versions / "bbb2.py"
    text = path.read_text().replace("'", '"').replace("def upgrade():", "def upgrade() -> None:\n    # formatted")
    path.write_text(text.replace("revision = ", "revision: str = "))
    ground.repo.commit("format")
    return ground.repo.root


# --- processes


@case("process", FINE)
def no_home_and_the_locale_C(ground: Ground) -> Path:  # noqa: N802
    for name in ("HOME", "XDG_CACHE_HOME", "LANG"):
        ground.patch.delenv(name, raising=False)
    ground.patch.setenv("LC_ALL", "C")
    ground.repo.table("ccc3", "bbb2", message="näher")
    ground.repo.commit("é")
    return ground.repo.root


@case(
    "process",
    {
        "heads": (0, "ccc3 (head)"),
        "heads --at HEAD": (3, "git is not installed, or not on PATH"),
        "guard": (3, "git is not installed, or not on PATH"),
        "forecast HEAD": (3, "git is not installed, or not on PATH"),
        "conflicts": (3, "git is not installed, or not on PATH"),
        "report --no-sql": (3, "git is not installed, or not on PATH"),
        "status --no-db": (0, "Open: guard not checked."),
        "hooks run pre-commit": (1, "could not check the migrations: git is not installed, or not on PATH"),
        "hooks status": (3, "git is not installed, or not on PATH"),
    },
)
def git_is_missing(ground: Ground) -> Path:
    ground.patch.setenv("PATH", str(ground.folder / "nothing"))
    return ground.repo.root


@case(
    "process",
    {
        "heads": (0, "ccc3 (head)"),
        "heads --at HEAD": (3, "git cannot be run: Exec format error"),
        "guard": (3, "git cannot be run: Exec format error"),
        "forecast HEAD": (3, "git cannot be run: Exec format error"),
        "conflicts": (3, "git cannot be run: Exec format error"),
        "report --no-sql": (3, "git cannot be run: Exec format error"),
        "status --no-db": (0, "Open: guard not checked."),
        "hooks run pre-commit": (1, "could not check the migrations: git cannot be run: Exec format error"),
        "hooks status": (3, "git cannot be run: Exec format error"),
    },
)
def git_cannot_be_executed(ground: Ground) -> Path:
    (ground.folder / "bin").mkdir()
    (ground.folder / "bin/git").write_bytes(b"\x7fELF not a program")
    (ground.folder / "bin/git").chmod(0o755)
    ground.patch.setenv("PATH", str(ground.folder / "bin"))
    return ground.repo.root


@case(
    "process",
    {
        "heads --at HEAD": (0, "ccc3 (head)"),
        "guard": (0, "ok: one head, ccc3"),
        "forecast HEAD": (0, "ok, head ccc3"),
        "report --no-sql --check": (0, "every rule holds"),
        "status --no-db": (0, "head: ccc3"),
        "hooks status": (1, "not installed"),
        "hooks install": (3, "Not a directory"),
    },
)
def nothing_can_be_written(ground: Ground) -> Path:
    """Where root runs the tests, a mode stops nobody: a file is in the place of each folder that would be made."""
    (ground.repo.top / ".git/branchmig").write_text("")
    (ground.repo.top / ".git/hooks").mkdir(exist_ok=True)
    return ground.repo.root
