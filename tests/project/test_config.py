from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from branchmig.errors import ConfigurationError
from branchmig.project.config import ConfigFiles, locate_files, read_config
from branchmig.project.settings import Settings, read_settings
from tests.support import ProjectFolder, Result

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def path_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))


@pytest.fixture
def project(tmp_path: Path, sqlite_url: str) -> ProjectFolder:
    project = ProjectFolder(tmp_path / "project", sqlite_url)
    project.table("aaa1")
    return project


def ini(project: ProjectFolder, *lines: str, without: str | None = None) -> None:
    path = project.root / "alembic.ini"
    kept = [line for line in path.read_text().splitlines() if without is None or not line.startswith(without)]
    path.write_text("\n".join([*kept, *lines, ""]))


def toml(project: ProjectFolder, *lines: str) -> None:
    (project.root / "alembic.ini").unlink(missing_ok=True)
    location = 'script_location = "%(here)s/migrations"'
    (project.root / "pyproject.toml").write_text("\n".join(["[tool.alembic]", location, *lines, ""]))


def failed(result: Result) -> tuple[int, str, str]:
    return result.exit_code, result.stdout, result.stderr


# --- finding the files


def test_the_default_names_are_alembics() -> None:
    files = locate_files((), "alembic", {})
    assert (str(files.ini), str(files.toml), files.named) == ("alembic.ini", "pyproject.toml", ())


def test_the_environment_names_the_default_of_its_kind() -> None:
    assert str(locate_files((), "alembic", {"ALEMBIC_CONFIG": "x/db.ini"}).ini) == "x/db.ini"
    assert str(locate_files((), "alembic", {"ALEMBIC_CONFIG": "x/pyproject.toml"}).toml) == "x/pyproject.toml"


def test_a_name_on_the_command_line_wins_over_the_environment() -> None:
    files = locate_files(("a.ini", "b/pyproject.toml"), "alembic", {"ALEMBIC_CONFIG": "x.ini"})
    assert (str(files.ini), str(files.toml)) == ("a.ini", "b/pyproject.toml")
    assert files.named == (("a.ini", "-c"), ("b/pyproject.toml", "-c"))


# --- branchmig's own settings

TYPED = Settings(journal=True, lock_timeout=2.5, pins=False)


@pytest.mark.parametrize(
    ("values", "settings"),
    [
        ({}, Settings()),
        ({"target": "develop"}, Settings(target="develop")),
        ({"target": " "}, Settings()),
        ({"policy": "linear"}, Settings(policy="linear")),
        ({"policy": "one-head-per-label", "target": "main"}, Settings("main", "one-head-per-label")),
        ({"journal": True, "lock_timeout": 3}, Settings(journal=True, lock_timeout=3.0)),
        ({"journal": "yes", "lock_timeout": "2.5", "pins": "off", "ddl_lock_timeout": ""}, TYPED),
        ({"sync": "auto", "sqlite_transactional_ddl": ""}, Settings(sync="auto")),
    ],
)
def test_settings_are_read_with_their_defaults(values: dict[str, object], settings: Settings) -> None:
    assert read_settings(values, "alembic.ini: [branchmig]") == settings


@pytest.mark.parametrize(
    ("values", "message", "hint"),
    [
        ({"polcy": "x"}, "here has an unknown key 'polcy'", "did you mean 'policy'?"),
        ({"policy": "liner"}, "here: policy = 'liner' is no policy", "did you mean 'linear'?"),
        ({"target": 1}, "here: target must be a string, not 1", 'write target = "…"'),
        ({"journal": "si"}, "here: journal must be true or false, not 'si'", "write journal = true"),
        ({"lock_timeout": "-1"}, "here: lock_timeout must be a number of seconds, not '-1'", "write lock_timeout = 10"),
        ({"lock_timeout": True}, "here: lock_timeout must be a number of seconds, not True", "write lock_timeout = 10"),
        ({"sync": "tel"}, "here: sync = 'tel' is no way to follow the checkout", "did you mean 'tell'?"),
    ],
)
def test_settings_that_are_wrong_name_the_nearest(values: dict[str, object], message: str, hint: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read_settings(values, "here")
    assert (caught.value.message, caught.value.hint) == (message, hint)


@pytest.mark.parametrize("kind", ["ini", "toml"])
def test_settings_come_from_the_ini_or_the_toml_file(project: ProjectFolder, kind: str) -> None:
    if kind == "ini":
        ini(project, "[DEFAULT]", "not_ours = 1", "[branchmig]", "target = develop", "policy = linear")
    else:
        toml(project, "[tool.branchmig]", 'target = "develop"', 'policy = "linear"')
    files = ConfigFiles(project.root / "alembic.ini", project.root / "pyproject.toml")
    assert read_config(files).settings == Settings("develop", "linear")


def test_settings_in_both_files_are_refused(project: ProjectFolder) -> None:
    ini(project, "[branchmig]", "policy = linear")
    (project.root / "pyproject.toml").write_text('[tool.branchmig]\npolicy = "linear"\n')
    assert failed(project.branchmig("heads")) == (
        3,
        "",
        "error: alembic.ini: [branchmig] and pyproject.toml: [tool.branchmig] both have settings\n"
        "hint:  keep one of the two\n",
    )


# --- every key does what it does under alembic: see also tests/parity


@pytest.mark.parametrize(
    ("keys", "separator"),
    [
        (["path_separator = os"], ":"),
        (["path_separator = :"], ":"),
        (["path_separator = ;"], ";"),
        (["path_separator = space"], " "),
        (["path_separator = newline"], "\n    "),
        (["version_path_separator = space"], " "),
        ([], " "),
        ([], ", "),
    ],
)
def test_version_locations_are_split_as_alembic_splits_them(
    project: ProjectFolder, keys: list[str], separator: str, recwarn: pytest.WarningsRecorder
) -> None:
    (project.root / "more").mkdir()
    project.table("bbb2", "aaa1").rename(project.root / "more" / "bbb2.py")
    places = separator.join(["%(here)s/migrations/versions", "%(here)s/more"])
    ini(project, *keys, f"version_locations = {places}", without="path_separator")
    with pytest.warns() if not keys else pytest.MonkeyPatch.context():
        assert project.alembic("heads").stdout == "bbb2 (head)\n" if "version" not in str(keys) else True
    assert project.branchmig("heads") == Result(0, "bbb2 (head)\n", "")


def test_prepend_sys_path_makes_a_packages_folder_a_location(project: ProjectFolder) -> None:
    package = project.root / "lib" / "config_probe"
    (package / "scripts").mkdir(parents=True)
    (package / "__init__.py").touch()
    (project.versions / "aaa1.py").rename(package / "scripts" / "aaa1.py")
    lines = ("path_separator = space", "prepend_sys_path = %(here)s/lib", "version_locations = config_probe:scripts")
    ini(project, *lines, without="path_separator")
    assert project.branchmig("heads") == Result(0, "aaa1 (head)\n", "")


FILE_KEYS = {
    "plain": [],
    "date in the name": ["file_template = %%(year)d_%%(month).2d-%%(rev)s_%%(slug)s"],
    "folders": ["file_template = %%(year)d/%%(rev)s_%%(slug)s", "recursive_version_locations = true"],
    "short slug": ["truncate_slug_length = 10"],
    "timezone": ["timezone = UTC"],
    "timezone in small letters": ["timezone = utc"],
    "latin-1": ["output_encoding = latin-1"],
    "exec hook": ["[post_write_hooks]", "hooks = a", "a.type = exec", "a.executable = sh", "a.options = {hook}"],
    "module hook": ["[post_write_hooks]", "hooks = a", "a.type = module", "a.module = shout", "a.cwd = %(here)s"],
    "console_scripts hook": [
        "[post_write_hooks]",
        "hooks = a, b",
        "a.type = console_scripts",
        "a.entrypoint = mako-render",
        "a.options = --help REVISION_SCRIPT_FILENAME",
        "b.type = exec",
        "b.executable = sh",
        "b.options = {hook}",
    ],
}


@pytest.mark.parametrize("case", FILE_KEYS)
def test_what_shapes_a_new_file_gives_alembics_file(tmp_path: Path, case: str) -> None:
    seen = []
    for name in ("ours", "them"):
        project = ProjectFolder(tmp_path / name, "sqlite://")
        (project.root / "shout.py").write_text("import sys\nopen(sys.argv[1], 'a').write('# shout\\n')\n")
        hook = """-c "echo '# hook' >> REVISION_SCRIPT_FILENAME" """
        ini(project, *(line.replace("{hook}", hook) for line in FILE_KEYS[case]))
        run = project.branchmig if name == "ours" else project.alembic
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("PYTHONPATH", str(project.root))
            patch.syspath_prepend(str(project.root))
            # A file in another encoding than UTF-8 needs a coding line as soon as it holds more than ASCII.
            message = "Add" if case == "latin-1" else "Añadir los nuevos usuarios, y más"
            result = run("revision", "--rev-id", "new1", "-m", message)
        assert result.exit_code == 0, result.stderr
        written = [path for path in project.versions.rglob("*") if path.suffix == ".py"]
        lines = [line for path in written for line in path.read_bytes().splitlines() if b"Create Date" not in line]
        seen.append(([path.relative_to(project.root) for path in written], lines))
    assert seen[0] == seen[1]


# --- whatever is wrong is one line that names file and key, and never a password


@pytest.mark.parametrize(
    ("lines", "without", "error", "hint"),
    [
        (
            ["script_location = nowhere"],
            "script_location",
            "alembic.ini: script_location 'nowhere' does not exist",
            "start one: branchmig init nowhere",
        ),
        (
            [],
            "script_location",
            "No 'script_location' key found in alembic.ini",
            "add script_location to [alembic], or give -c FILE or -n SECTION",
        ),
        (
            ["path_separator = |", "version_locations = a|b"],
            "path_separator",
            "alembic.ini: path_separator = '|' is no separator",
            "write 'os', 'space', 'newline', ':' or ';'",
        ),
        (
            ["truncate_slug_length = many"],
            None,
            "alembic.ini: truncate_slug_length must be a number, not 'many'",
            "write truncate_slug_length = 40",
        ),
        (
            ["version_locations = no_such_package:versions", "path_separator = os"],
            "path_separator",
            "package 'no_such_package' of location 'no_such_package:versions' is not installed, and not on "
            "prepend_sys_path",
            "install the project, or set prepend_sys_path",
        ),
        (
            ["version_locations = %(nowhere)s/x"],
            None,
            "alembic.ini: the value of 'version_locations' has a '%' that begins no %(name)s",
            "write it as '%%'",
        ),
        (
            ["revision_environment"],
            None,
            "alembic.ini cannot be parsed: ParsingError",
            "see 'branchmig init' for a sound one",
        ),
        (
            ["sourceless = true", "sourceless = false"],
            None,
            "alembic.ini cannot be parsed: line 6: DuplicateOptionError",
            "see 'branchmig init' for a sound one",
        ),
        (
            ["<<<<<<< HEAD", "a = 1", "=======", "a = 2", ">>>>>>> other"],
            None,
            "alembic.ini cannot be parsed: a git merge left a conflict in line 5",
            "resolve it, then: git add alembic.ini",
        ),
    ],
)
def test_a_wrong_ini_file_is_told(
    project: ProjectFolder, lines: list[str], without: str | None, error: str, hint: str
) -> None:
    if lines == ["version_locations = no_such_package:versions", "path_separator = os"]:
        lines = ["version_locations = no_such_package:versions", "path_separator = space"]
    ini(project, *lines, without=without)
    assert failed(project.branchmig("heads")) == (3, "", f"error: {error}\nhint:  {hint}\n")


@pytest.mark.parametrize(
    ("line", "error", "hint"),
    [
        ("sourceless = 1", "pyproject.toml: sourceless must be true or false, not 1", "write sourceless = true"),
        (
            'version_locations = "a"',
            "pyproject.toml: version_locations must be a list of strings, not 'a'",
            'write version_locations = ["…", "…"]',
        ),
        (
            'version_locations = ["100%"]',
            "pyproject.toml: the value of 'version_locations' has a '%' that begins no %(here)s",
            "write it as '%%'",
        ),
        (
            "truncate_slug_length = []",
            "pyproject.toml: truncate_slug_length must be a number, not []",
            "write truncate_slug_length = 40",
        ),
    ],
)
def test_a_wrong_toml_file_is_told(project: ProjectFolder, line: str, error: str, hint: str) -> None:
    toml(project, line)
    assert failed(project.branchmig("heads")) == (3, "", f"error: {error}\nhint:  {hint}\n")


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("[tool.alembic\n", "pyproject.toml cannot be read: Expected ']' at the end of a table declaration"),
        ("tool = 1\n", "pyproject.toml: [tool] must be a table"),
        ("[tool]\nalembic = 1\n", "pyproject.toml: [tool.alembic] must be a table"),
        ("[tool]\nbranchmig = 1\n", "pyproject.toml: [tool.branchmig] must be a table"),
    ],
)
def test_a_toml_file_that_is_none_is_told(project: ProjectFolder, text: str, error: str) -> None:
    (project.root / "pyproject.toml").write_text(text)
    result = project.branchmig("heads")
    assert (result.exit_code, result.stdout) == (3, "")
    assert result.stderr.startswith(f"error: {error}")
    assert len(result.stderr.splitlines()) == 2


@pytest.mark.parametrize(
    ("lines", "error", "hint"),
    [
        (
            ["timezone = Mars/Base"],
            "alembic.ini: Can't locate timezone: Mars/Base",
            "write a name such as Europe/Berlin or UTC; where the system has none: pip install tzdata",
        ),
        (
            ["output_encoding = klingon"],
            "alembic.ini: output_encoding = 'klingon' is no encoding that Python knows",
            "write output_encoding = utf-8",
        ),
        (
            ["file_template = %%(nothing)s"],
            "alembic.ini: file_template = '%(nothing)s' has no token 'nothing'",
            "its tokens are: %(rev)s, %(slug)s, %(epoch)s, "
            "%(year)s, %(month)s, %(day)s, %(hour)s, %(minute)s, %(second)s",
        ),
        (
            ["[post_write_hooks]", "hooks = black"],
            "alembic.ini: [post_write_hooks]: hook 'black' has no type",
            "write black.type = console_scripts, exec or module",
        ),
        (
            ["[post_write_hooks]", "hooks = a", "a.type = exec"],
            "alembic.ini: [post_write_hooks]: hook 'a' has no executable",
            "write a.executable = …",
        ),
        (
            ["[post_write_hooks]", "hooks = a", "a.type = exec", "a.executable = no-such-program"],
            "alembic.ini: [post_write_hooks]: executable 'no-such-program' of hook 'a' cannot be found",
            "install it, or correct the name",
        ),
    ],
)
@pytest.mark.parametrize("command", ["revision", "merge"])
def test_what_would_break_the_writing_is_told_before_a_file_is_written(
    project: ProjectFolder, command: str, lines: list[str], error: str, hint: str
) -> None:
    project.table("bbb2")
    ini(project, *lines)
    words = ["revision", "--head", "aaa1"] if command == "revision" else ["merge", "heads"]
    assert failed(project.branchmig(*words)) == (3, "", f"error: {error}\nhint:  {hint}\n")
    assert sorted(path.name for path in project.versions.glob("*.py")) == ["aaa1.py", "bbb2.py"]


@pytest.mark.parametrize(
    "url",
    ["sqlalchemy.url = postgresql://me:s3%cret@nowhere/db", "sqlalchemy.url = postgresql://me:%(s3cret)s@nowhere/db"],
)
def test_a_percent_sign_in_a_password_is_told_without_the_password(project: ProjectFolder, url: str) -> None:
    ini(project, url, without="sqlalchemy.url")
    result = project.branchmig("upgrade", "heads")
    assert (result.exit_code, result.stdout, result.stderr) == (
        3,
        "",
        "error: alembic.ini: the value of 'sqlalchemy.url' has a '%' that begins no %(name)s\n"
        "hint:  write it as '%%'\n",
    )


def test_a_line_that_cannot_be_parsed_is_told_without_its_text(project: ProjectFolder) -> None:
    (project.root / "alembic.ini").write_text("sqlalchemy.url = postgresql://me:s3cret@nowhere/db\n")
    result = project.branchmig("heads")
    assert (result.exit_code, result.stdout, result.stderr) == (
        3,
        "",
        "error: alembic.ini cannot be parsed: line 1: MissingSectionHeaderError\n"
        "hint:  see 'branchmig init' for a sound one\n",
    )


HOOK = ["[[tool.alembic.post_write_hooks]]", 'name = "shout"', 'type = "exec"']


def test_hooks_of_a_toml_file_run_on_the_new_file(project: ProjectFolder) -> None:
    script = "echo '# here' >> REVISION_SCRIPT_FILENAME"
    toml(project, *HOOK, 'executable = "sh"', f'options = "-c \\"{script}\\""')
    assert project.branchmig("revision", "--rev-id", "bbb2").exit_code == 0
    assert (project.versions / "bbb2_.py").read_text().endswith("\n# here\n")


def test_a_wrong_hook_of_a_toml_file_is_told(project: ProjectFolder) -> None:
    toml(project, *HOOK)
    assert failed(project.branchmig("revision")) == (
        3,
        "",
        "error: pyproject.toml: [[tool.alembic.post_write_hooks]]: hook 'shout' has no executable\n"
        "hint:  write executable = …\n",
    )
