from __future__ import annotations

import importlib.machinery
import importlib.util
import json
import os
import py_compile
import re
import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from branchmig.database.trial.reflection import read_catalog, read_rows
from branchmig.database.trial.store import Store, store_of
from branchmig.project.config import locate_files
from branchmig.project.project import Project
from tests.conftest import MARIADB, POSTGRES
from tests.support import ENV, ProjectFolder
from tests.test_start_up import heavy_packages

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.repositories import Checkout
    from tests.support import Result

NOWHERE = "sqlite:////nowhere/at/all.db"

# One script per kind of server, with all that a copy must not lose.
TABLES = """
op.create_table('team', sa.Column('id', sa.Integer(), primary_key=True), sa.Column('name', sa.String(20)))
op.create_table(
    'member', sa.Column('id', sa.Integer(), primary_key=True),
    sa.Column('team', sa.Integer(), sa.ForeignKey('team.id', ondelete='CASCADE'), nullable=False),
    sa.Column('rate', sa.Float()), sa.Column('data', sa.LargeBinary()), sa.Column('born', sa.DateTime()),
    sa.UniqueConstraint('team', name='one_team'),
)
op.create_index('by_rate', 'member', ['rate'])
op.bulk_insert(sa.table('team', sa.column('id'), sa.column('name')), [{'id': 1, 'name': "it's \\\\\\n a ; text"}])
op.execute(sa.text("INSERT INTO member (id, team, rate, data, born) VALUES (:i, :t, :r, :d, '2020-01-02 03:04:05')")
    .bindparams(i=7, t=1, r=0.1, d=b'\\x00\\xff'))
op.execute("CREATE VIEW names AS SELECT name FROM team")
"""
MORE = {
    "sqlite": """
op.execute("CREATE TRIGGER cut AFTER INSERT ON team BEGIN UPDATE team SET name = 'cut' WHERE id = new.id; END")
""",
    "postgres": """
op.execute("CREATE TYPE mood AS ENUM ('good', 'bad')")
op.execute("ALTER TABLE team ADD COLUMN mood mood DEFAULT 'good'")
op.execute("CREATE SEQUENCE numbers START 42")
op.execute("SELECT nextval('numbers')")
op.execute("COMMENT ON TABLE team IS 'who plays'")
op.execute("CREATE FUNCTION cut() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN new.name := 'cut'; RETURN new; END $$")
op.execute("CREATE TRIGGER cut BEFORE INSERT ON team FOR EACH ROW EXECUTE FUNCTION cut()")
op.execute("GRANT SELECT ON team TO pg_read_all_data")
""",
    "mariadb": """
op.execute("ALTER TABLE team ADD COLUMN mood ENUM('good', 'bad') DEFAULT 'good' COMMENT 'how they are'")
op.execute("ALTER TABLE team ADD COLUMN twice INT AS (length(name) * 2) STORED")
op.execute("CREATE SEQUENCE numbers START WITH 42")
op.execute("SELECT NEXTVAL(numbers)")
op.execute("CREATE FUNCTION half(n INT) RETURNS INT DETERMINISTIC RETURN n / 2")
op.execute("CREATE VIEW halves AS SELECT half(id) AS h, name FROM team JOIN names USING (name)")
op.execute("CREATE TRIGGER cut BEFORE INSERT ON team FOR EACH ROW BEGIN SET new.name = 'cut'; SET new.id = new.id; END")
op.execute("GRANT SELECT ON team TO nobody IDENTIFIED BY 'x'")
""",
}


def scratch(kind: str) -> str:
    return {"sqlite": "", "postgres": POSTGRES.url(), "mariadb": MARIADB.url()}[kind]


class Freshes(ProjectFolder):
    """A project whose configured database does not exist."""

    def settings(self, **values: str) -> None:
        ini = self.root / "alembic.ini"
        lines = "".join(f"{key} = {value}\n" for key, value in values.items() if value)
        ini.write_text(f"{ini.read_text().partition('[branchmig]')[0]}[branchmig]\nspares = false\n{lines}")

    def fresh(self, *options: str) -> dict[str, Any]:
        result = self.branchmig("fresh", "--format", "json", "--show-password", *options)
        assert result.exit_code == 0, result.stderr
        found: dict[str, Any] = json.loads(result.stdout)
        return found

    def replay(self) -> str:
        """Run all revisions on a new database, and return its URL."""
        name = f"replay{len(list(self.root.glob('replay*')))}"
        ini = self.root / f"{name}.ini"
        url = f"sqlite:///{self.root}/{name}.db"
        ini.write_text(re.sub("sqlite:.*", url, (self.root / "alembic.ini").read_text()))
        forget_modules(self.root)
        assert self.branchmig("-c", ini.name, "upgrade", "heads").exit_code == 0
        return url

    def states(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.branchmig("states", "--format", "json").stdout)["states"]
        return found


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Freshes]:
    project = Freshes(tmp_path / "project", NOWHERE)
    project.settings()
    yield project
    dropped: Result = project.branchmig("states", "drop", "--all", "--yes")
    assert dropped.exit_code == 0, dropped.stderr
    assert project.branchmig("states").stderr == "No states.\n"


def forget_modules(root: Path) -> None:
    """Let a replay import the project's modules as they are now: here it is no new process."""
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", None)).startswith(str(root)):
            del sys.modules[name]
    for cached in root.rglob("__pycache__"):
        shutil.rmtree(cached)


def content(url: str) -> tuple[Any, Any, Any]:
    engine = sa.create_engine(url, poolclass=sa.pool.NullPool)
    with engine.connect() as connection:
        catalog = read_catalog(connection, set())
        rows = read_rows(connection, sorted(catalog.column_order))
        numbers = None
        if engine.dialect.name == "postgresql":
            grants = "SELECT relname, relacl::text, obj_description(oid) FROM pg_class WHERE relkind IN ('r', 'S')"
            numbers = [connection.exec_driver_sql("SELECT nextval('numbers')").scalar()]
            numbers += sorted(map(str, connection.exec_driver_sql(grants)))
        elif engine.dialect.name in ("mysql", "mariadb"):
            grants = "SELECT grantee, privilege_type, table_name FROM information_schema.table_privileges "
            numbers = [connection.exec_driver_sql("SELECT NEXTVAL(numbers)").scalar()]
            numbers += list(connection.exec_driver_sql(f"{grants} WHERE table_schema = DATABASE()"))
    return catalog, rows, numbers


@pytest.mark.heavy
@pytest.mark.parametrize("kind", ["sqlite", "postgres", "mariadb"])
def test_a_copy_has_all_that_the_scripts_made(kind: str, project: Freshes, request: pytest.FixtureRequest) -> None:
    if kind != "sqlite":
        request.getfixturevalue(f"{kind}_engine")
    project.settings(scratch_url=scratch(kind))
    project.revision("aaa1", upgrade=TABLES + MORE[kind])
    project.table("bbb2", "aaa1")

    built, copy = project.fresh(), project.fresh("--name", f"branchmig_test_{os.getpid()}")

    assert (built["from_state"], built["steps_run"]) == (None, 2)
    assert (copy["steps_run"], copy["heads"], copy["database"]) == (0, ["bbb2"], f"branchmig_test_{os.getpid()}")
    assert [state["key"] for state in project.states() if state["hits"]] == [copy["from_state"]]
    assert sa.make_url(copy["url"]).database.endswith(
        copy["database"] if kind != "sqlite" else f"{copy['database']}.db"
    )
    assert content(copy["url"]) == content(built["url"])
    # What is written in one is not in the other; the trigger is there.
    engine = sa.create_engine(copy["url"], poolclass=sa.pool.NullPool)
    with engine.begin() as connection:
        connection.exec_driver_sql("INSERT INTO team (id, name) VALUES (2, 'long')")
        assert connection.exec_driver_sql("SELECT name FROM team WHERE id = 2").scalar() == "cut"
    assert content(copy["url"])[1] != content(built["url"])[1]
    again = project.branchmig("fresh", "--name", copy["database"], "--format", "json")
    assert (again.exit_code, json.loads(again.stdout)["error"]["code"]) == (3, "configuration")
    if kind == "mariadb":
        with engine.begin() as connection:
            connection.exec_driver_sql("DROP USER nobody")


HELPERS = {
    "migrations/env.py": ENV.replace("{options}", "").replace("config =", "import names  # first\nconfig =", 1),
    "names.py": "import deep\nPREFIX = deep.LETTER * 2\n",
    "deep.py": "LETTER = 'x'\n",
    "migrations/versions/seed.txt": "one\n",
    "outside/more.txt": "two\n",
}
READS = """
import names
from pathlib import Path
text = (Path(__file__).parent / 'seed.txt').read_text() + Path('outside/more.txt').read_text()
text += ''.join(sorted(one.name for one in Path('outside').glob('*.sql')))
text += 'maybe' if Path('outside/maybe.json').exists() else ''
op.create_table(names.PREFIX + '_read', sa.Column('id', sa.Integer(), primary_key=True), sa.Column('n', sa.String(50)))
op.bulk_insert(sa.table(names.PREFIX + '_read', sa.column('n')), [{'n': text}])
"""


@pytest.fixture
def reading(project: Freshes) -> Freshes:
    """aaa1 -> bbb2 -> ccc3; bbb2 imports two modules and reads two files, a folder, and whether a file is there."""
    for name, text in HELPERS.items():
        (project.root / name).parent.mkdir(parents=True, exist_ok=True)
        (project.root / name).write_text(text)
    ini = project.root / "alembic.ini"
    ini.write_text(ini.read_text().replace("[branchmig]", "prepend_sys_path = %(here)s\n[own]\nkey = 1\n[branchmig]"))
    project.table("aaa1")
    project.revision("bbb2", "aaa1", upgrade=READS)
    project.table("ccc3", "bbb2")
    project.fresh()
    return project


def edit(root: Path, name: str, old: str, new: str) -> None:
    """Edit a file and leave its modification time as it was."""
    path = root / name
    before = path.stat()
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def edit_compiled(root: Path, name: str, old: str, new: str) -> None:
    """Edit a file that Python has compiled: size and time of its bytecode still fit."""
    os.utime(root / name, (1_700_000_000, 1_700_000_000))
    py_compile.compile(str(root / name))
    edit(root, name, old, new)


EDITS: dict[str, tuple[int, Callable[[Path], object]]] = {
    "nothing": (0, lambda root: None),
    "a comment in a script": (
        0,
        lambda root: edit(root, "migrations/versions/aaa1.py", "def up", "# x\ndef up"),
    ),
    "the layout of a module": (0, lambda root: edit(root, "deep.py", "LETTER = 'x'", "# a\nLETTER  =  'x'")),
    "a comment in env.py": (0, lambda root: edit(root, "migrations/env.py", "# first", "# second")),
    "a comment in the settings": (0, lambda root: edit(root, "alembic.ini", "[own]", "# other\n[own]")),
    "the configured URL": (0, lambda root: edit(root, "alembic.ini", "nowhere", "elsewhere")),
    "a file that nothing reads": (0, lambda root: (root / "none.txt").write_text("x")),
    "the last script": (1, lambda root: edit(root, "migrations/versions/ccc3.py", "t_ccc3", "t_ccc4")),
    "a module, two deep": (3, lambda root: edit(root, "deep.py", "'x'", "'y'")),
    "a module whose bytecode looks current": (3, lambda root: edit_compiled(root, "deep.py", "'x'", "'z'")),
    "a script whose bytecode looks current": (
        1,
        lambda root: edit_compiled(root, "migrations/versions/ccc3.py", "t_ccc3", "t_ccc5"),
    ),
    "a module": (3, lambda root: edit(root, "names.py", "* 2", "* 3")),
    "a file beside the script": (2, lambda root: edit(root, "migrations/versions/seed.txt", "one", "eno")),
    "a file outside the script folder": (2, lambda root: edit(root, "outside/more.txt", "two", "owt")),
    "a new file in a folder": (2, lambda root: (root / "outside/new.sql").write_text("x")),
    "a file that was not there": (2, lambda root: (root / "outside/maybe.json").write_text("x")),
    "the first script": (3, lambda root: edit(root, "migrations/versions/aaa1.py", "t_aaa1", "t_aaa9")),
    "env.py": (3, lambda root: edit(root, "migrations/env.py", "literal_binds=True", "literal_binds=None")),
    "a setting": (3, lambda root: edit(root, "alembic.ini", "key = 1", "key = 2")),
}


@pytest.mark.soak
def test_what_an_edit_costs(reading: Freshes, tmp_path: Path) -> None:
    whole = content(reading.replay())[:2]
    costs = {}
    for name, (_, change) in EDITS.items():
        shutil.copytree(reading.root, tmp_path / "before", copy_function=shutil.copy2)
        change(reading.root)
        fresh = reading.fresh()
        costs[name] = fresh["steps_run"]
        replayed = content(reading.replay())[:2] if costs[name] else whole
        assert content(fresh["url"])[:2] == replayed, name
        shutil.rmtree(reading.root)
        (tmp_path / "before").rename(reading.root)
    assert costs == {name: steps for name, (steps, _) in EDITS.items()}
    assert reading.fresh()["steps_run"] == 0


IMPURE = {
    "import time\nvalue = str(time.time())": "reads the clock",
    "from datetime import datetime\nvalue = str(datetime.now())": "reads the clock",
    "import uuid\nvalue = str(uuid.uuid4())": "uses random numbers",
    "import random\nvalue = str(random.random())": "uses random numbers",
    "import random\nvalue = str(random.Random().choice('ab'))": "uses random numbers",
    "import secrets\nvalue = secrets.token_hex(4)": "uses random numbers",
    "import os\nvalue = os.environ.get('HOME')": "reads the environment: HOME",
    "import urllib.request as r\ntry:\n    r.urlopen('http://127.0.0.1:9')\nexcept OSError: pass": "reads the network",
    "import subprocess\nsubprocess.run(['/bin/true'])": "runs another program",
    'op.execute("INSERT INTO t_aaa1 SELECT abs(random())")': "writes the server's clock or random numbers",
    "op.execute(\"DELETE FROM t_aaa1 WHERE id > date('now')\")": "writes the server's clock or random numbers",
    "import sqlalchemy as sa\nvalue = str(sa.select(sa.column('x')).subquery())": "",  # it draws a name
    "import random\nvalue = str(random.Random(7).random())": "",
    "import random\nrandom.seed(7)\nvalue = str(random.random())": "",
    "import datetime\nvalue = datetime.datetime(2020, 1, 2).isoformat()": "",
    "op.execute(\"INSERT INTO t_aaa1 VALUES (1) -- not 'now()'\")": "",
    "import logging\nlogging.getLogger('x').warning('said')": "",
    "import tempfile\nwith tempfile.TemporaryFile() as f: f.write(b'x')": "",
}


@pytest.mark.heavy
@pytest.mark.parametrize(("body", "reason"), IMPURE.items())
def test_what_no_key_can_cover_is_not_kept(body: str, reason: str, project: Freshes) -> None:
    project.table("aaa1")
    project.revision("bbb2", "aaa1", upgrade=body)
    project.table("ccc3", "bbb2")

    first = project.branchmig("fresh")
    second = project.fresh()

    (state,) = [state for state in project.states() if state["heads"] == ["ccc3"]]
    said = [f"revision bbb2 {reason}"] if reason else []
    assert (state["reusable"], state["reasons"]) == (not reason, said)
    # What comes before is kept.
    assert second["steps_run"] == (2 if reason else 0)
    assert (f"  revision bbb2 {reason}\n" in first.stderr) is bool(reason)


def test_a_module_with_a_clock_counts_only_where_a_script_imports_it(project: Freshes) -> None:
    (project.root / "started.py").write_text("import time\nAT = time.time()\n")
    path = f"import sys\nsys.path.insert(0, {str(project.root)!r})\nimport started\n"
    project.write_env(path + ENV.replace("{options}", ""))
    project.table("aaa1")
    assert project.fresh()["from_state"] is None
    assert project.fresh()["steps_run"] == 0

    project.revision("bbb2", "aaa1", upgrade="import started\nvalue = started.AT")
    project.fresh()
    (state,) = [state for state in project.states() if state["heads"] == ["bbb2"]]
    assert state["reasons"] == ["started.py reads the clock"]


def test_a_package_outside_the_project_is_imported_once(
    project: Freshes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as numpy, in a folder on PYTHONPATH: a package with an extension module may fail on its second import."""
    package = tmp_path / "libraries" / "compiled_package"
    package.mkdir(parents=True)
    spec = importlib.util.find_spec("greenlet._greenlet")
    assert spec is not None
    assert spec.origin is not None
    shutil.copy(spec.origin, package / f"_greenlet{importlib.machinery.EXTENSION_SUFFIXES[0]}")
    text = "import sys\nassert not hasattr(sys, 'compiled_package'), 'twice'\nsys.compiled_package = 1\n"
    (package / "__init__.py").write_text(f"{text}from compiled_package import _greenlet\n")
    (package.parent / "plain.py").write_text("value = 1\n")
    monkeypatch.syspath_prepend(package.parent)
    monkeypatch.setattr(sys, "compiled_package", 1, raising=False)
    monkeypatch.delattr(sys, "compiled_package")
    project.revision("aaa1", upgrade="import compiled_package, plain")
    project.fresh()
    project.table("bbb2", "aaa1")
    assert project.fresh()["steps_run"] == 1
    (package.parent / "plain.py").write_text("value = 2\n")
    assert project.fresh()["steps_run"] == 2
    (package.parent / "plain.py").write_text("value = 3\n")
    assert project.fresh()["steps_run"] == 2
    assert sys.modules["plain"].value == 3


def test_a_variable_that_env_py_reads_is_part_of_the_key(project: Freshes, monkeypatch: pytest.MonkeyPatch) -> None:
    look = "import os\nos.environ.get('TENANT')\nos.environ.get('DATABASE_URL')\n"
    project.write_env(look + ENV.replace("{options}", ""))
    project.table("aaa1")
    project.fresh()
    monkeypatch.setenv("TENANT", "b")
    assert project.fresh()["steps_run"] == 1
    monkeypatch.setenv("DATABASE_URL", "postgresql://a:b@one/two")
    assert project.fresh()["steps_run"] == 1
    monkeypatch.setenv("DATABASE_URL", "postgresql://c:d@three/four")
    assert project.fresh()["steps_run"] == 0


def test_states_are_listed_pruned_and_dropped(project: Freshes) -> None:
    project.table("aaa1")
    project.table("bbb2", "aaa1")
    made = project.fresh()
    keys = [state["key"] for state in project.states()]
    assert [(state["heads"], state["revisions"], state["dialect"]) for state in project.states()] == [
        (["bbb2"], 2, "sqlite"),
        (["aaa1"], 1, "sqlite"),
    ]
    listed = project.branchmig("states", "list")
    assert listed.lines[0].startswith(f"{keys[0][:10]}  bbb2  (sqlite, ")
    assert listed.lines[-1].startswith(f"{made['database']}  made by fresh ")

    assert project.branchmig("states", "prune", "--older-than", "14d").stderr == "Nothing to drop.\n"
    kept = json.loads(project.branchmig("states", "prune", "--keep-size", "25KB", "--format", "json").stdout)
    assert kept == {"version": 1, "dropped": [keys[1]]}
    assert project.branchmig("states", "drop", made["database"]).exit_code == 1
    assert Path(sa.make_url(made["url"]).database or "").exists()
    assert project.branchmig("states", "drop", made["database"], keys[0][:8], "--yes").exit_code == 0
    assert not Path(sa.make_url(made["url"]).database or "").exists()
    assert project.branchmig("states", "drop", "none").exit_code == 3


def test_the_states_of_many_edits_do_not_fill_the_disk(project: Freshes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("branchmig.workflows.states.MOST_STATES", 3)
    for name in ("one", "two", "three"):
        project.revision("aaa1", upgrade=f"op.execute('CREATE TABLE {name} (id INT)')")
        project.revision("bbb2", "aaa1")
        project.fresh()
    assert [(state["heads"], state["reusable"]) for state in project.states()][:2] == [
        (["bbb2"], True),
        (["aaa1"], True),
    ]
    assert len(project.states()) == 3


def test_the_next_copy_is_made_ahead_on_a_server(project: Freshes, postgres_engine: sa.Engine) -> None:
    project.settings(scratch_url=POSTGRES.url())
    ini = project.root / "alembic.ini"
    ini.write_text(ini.read_text().replace("spares = false", "spares = true"))
    project.table("aaa1")
    first = project.fresh()
    store = store_of(Project.open(locate_files([str(ini)], "alembic", {})))
    (key,) = [state["key"] for state in project.states()]
    ahead = spare(store, key)

    second = project.fresh()

    assert (second["database"], second["steps_run"], second["from_state"]) == (ahead, 0, key)
    assert content_rows(second["url"]) == content_rows(first["url"]) == ["aaa1"]
    spare(store, key)  # the one that is being made now is dropped with its state


def spare(store: Store, key: str) -> str:
    """Wait for the process that stays behind."""
    deadline = time.monotonic() + 60
    while not store.spares(key):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    (name,) = store.spares(key)
    return name


def content_rows(url: str) -> list[str]:
    with sa.create_engine(url, poolclass=sa.pool.NullPool).connect() as connection:
        return list(connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalars())


def test_a_copy_needs_neither_alembic_nor_sqlalchemy(project: Freshes) -> None:
    project.table("aaa1")
    project.fresh()
    assert heavy_packages(project.root, "fresh") == set()


def test_a_project_for_another_kind_of_database_is_said_to_be(project: Freshes) -> None:
    ini = project.root / "alembic.ini"
    ini.write_text(ini.read_text().replace(NOWHERE, "postgresql+psycopg://nobody@nowhere.invalid/none"))
    project.table("aaa1")
    assert "It is sqlite, and the project is for postgresql: see scratch_url." in project.branchmig("fresh").stderr
    project.revision("bbb2", "aaa1", upgrade="op.execute('CREATE EXTENSION none')")
    failed = project.branchmig("fresh")
    assert (failed.exit_code, failed.stdout) == (3, "")
    assert "hint:  the project is for postgresql: let scratch_url name a server of that kind" in failed.stderr


def test_a_script_that_fails_says_where_and_leaves_nothing(project: Freshes) -> None:
    project.table("aaa1")
    project.revision("bbb2", "aaa1", upgrade="op.drop_table('none')")
    result = project.branchmig("fresh", "--format", "json")
    assert (result.exit_code, json.loads(result.stdout)["error"]["code"]) == (3, "migration-failed")
    assert [state["heads"] for state in project.states()] == [["aaa1"]]
    assert project.branchmig("states", "list").stdout.count("made by fresh") == 0


def texts(url: str) -> list[str]:
    with sa.create_engine(url, poolclass=sa.pool.NullPool).connect() as connection:
        return list(connection.exec_driver_sql("SELECT text FROM t_ccc3").scalars())


BRANCH_SCRIPT = """
from migrations import tools
from pathlib import Path
text = tools.WORD + (Path(__file__).parent / 'seed.txt').read_text()
op.create_table('t_ccc3', sa.Column('text', sa.String(20)))
op.bulk_insert(sa.table('t_ccc3', sa.column('text')), [{'text': text}])
"""


@pytest.mark.soak
def test_a_branch_costs_its_own_revisions_and_is_its_own(repo: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "migrations"]:
        monkeypatch.delitem(sys.modules, name)  # another test's: this is no new process
    repo.settings = Freshes.settings.__get__(repo)  # type: ignore[attr-defined]
    fresh = Freshes.fresh.__get__(repo)
    repo.settings()  # type: ignore[attr-defined]
    ini = repo.root / "alembic.ini"
    ini.write_text(ini.read_text().replace("[branchmig]", "prepend_sys_path = %(here)s\n[branchmig]"))
    (repo.migrations / "tools.py").write_text("WORD = 'main'\n")
    (repo.versions / "seed.txt").write_text("-main")
    repo.table("aaa1")
    repo.table("bbb2", "aaa1")
    repo.commit("main")
    repo.git("switch", "--quiet", "--create", "feature")
    (repo.migrations / "tools.py").write_text("WORD = 'feature'\n")
    (repo.versions / "seed.txt").write_text("-feature")
    repo.revision("ccc3", "bbb2", upgrade=BRANCH_SCRIPT)
    repo.table("ddd4", "ccc3")
    repo.commit("feature")
    repo.git("switch", "--quiet", "main")

    main = fresh()
    at = fresh("--at", "feature")
    assert (at["heads"], at["steps_run"]) == (["ddd4"], 2)
    assert at["from_state"] == fresh()["from_state"]
    assert main["steps_run"] == 2
    assert texts(at["url"]) == ["feature-feature"]
    # Nothing has changed: neither there, nor where the branch is checked out.
    assert fresh("--at", "feature")["steps_run"] == 0
    repo.git("switch", "--quiet", "feature")
    assert fresh()["steps_run"] == 0
    assert fresh("--at", "main")["steps_run"] == 0
    # A state that the work tree made is the branch's only while the branch has the same files.
    (repo.versions / "seed.txt").write_text("-edited")
    edited = fresh()
    assert (edited["steps_run"], texts(edited["url"])) == (2, ["feature-edited"])
    assert texts(fresh("--at", "feature")["url"]) == ["feature-feature"]
    assert repo.branchmig("fresh", "--at", "nowhere").exit_code == 3


def test_verify_begins_with_a_state(repo: Checkout) -> None:
    ids = [f"{number:04}" for number in range(12)]
    for number, revision in enumerate(ids):
        repo.table(revision, *ids[max(0, number - 1) : number])
    repo.commit("main")
    repo.git("switch", "--quiet", "--create", "feature")
    repo.table("new1", ids[-1])
    repo.commit("feature")
    answers = [repo.branchmig("verify", "--format", "json") for _ in range(2)]
    assert [answer.exit_code for answer in answers] == [0, 0], answers
    assert answers[0].stdout == answers[1].stdout
    states = json.loads(repo.branchmig("states", "--format", "json").stdout)["states"]
    assert [(state["heads"], state["hits"]) for state in states] == [([ids[-1]], 1)]
    # fresh begins with it, too.
    assert Freshes.fresh.__get__(repo)()["steps_run"] == 1
