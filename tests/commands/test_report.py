"""`branchmig report` on real repositories."""

from __future__ import annotations

import json
import shutil
import sysconfig
from typing import TYPE_CHECKING, Any

import pytest

from branchmig.render.report import LARGEST

if TYPE_CHECKING:
    from pathlib import Path

    from tests.repositories import Checkout

EVIL = "evil | `x` <script>alert(1)</script> @octocat #123\nmore"
SHOWN = (
    "evil &#124; &#96;x&#96; &#60;script&#62;alert(1)&#60;/script&#62; &#64;\u200boctocat &#35;\u200b123"  # no markup
)


def settle(repo: Checkout) -> None:
    """Put the feature branch on top of main's head, so that every rule holds."""
    path = repo.versions / "ccc3.py"
    repo.git("merge", "--quiet", "--no-edit", "main")
    path.write_text(path.read_text().replace("down_revision = 'aaa1'", "down_revision = 'bbb2'"))
    repo.commit("on top")


def test_two_heads_come_first_with_the_way_out(parted: Checkout) -> None:
    told = parted.branchmig("report")
    assert (told.exit_code, told.stderr) == (0, "")
    commit, other = (parted.git("rev-parse", "--short=10", name) for name in ("feature", "main"))
    assert (
        told.stdout
        == f"""\
<!-- branchmig report -->
## Migrations: 1 revision, 1 rule broken

Merged into `main` now, there are 2 heads: `bbb2`, `ccc3`.

- **multiple-heads**: 2 heads: bbb2 (step bbb2; main, {other} by Ada Author); ccc3 (step ccc3; feature, {commit} by \
Ada Author)<br>Way out: join them: branchmig merge; or put yours on top: branchmig rebase

### Added

| revision | message | author | parent | file |
| --- | --- | --- | --- | --- |
| `ccc3` | step ccc3 | Ada Author | `aaa1` | <code>migrations/<wbr>versions/<wbr>ccc3.py</code> |

```mermaid
flowchart BT
  r0["ccc3<br/>step ccc3<br/>on feature"]
  r1["aaa1<br/>step aaa1"]
  r1 --> r0
  classDef boundary fill:none,stroke:#8c959f,stroke-dasharray:3 3
  class r1 boundary
```

### SQL on sqlite

<details><summary><code>ccc3</code> step ccc3 (1 line)</summary>

```sql
-- nothing to run
```

</details>
"""
    )


def test_nothing_new_is_one_line(parted: Checkout) -> None:
    parted.git("switch", "--quiet", "main")
    assert parted.branchmig("report").stdout == (
        "<!-- branchmig report -->\n<!-- nothing to tell -->\n"
        "**Migrations:** nothing new for `main`, and every rule holds.\n"
    )


def test_what_it_destroys_and_who_is_in_the_way(parted: Checkout) -> None:
    """other, from main: drops the column that feature adds; third, from main, has nothing to do with it."""
    add = "op.add_column('users', sa.Column('age', sa.Integer(), nullable=False))"
    parted.revision("ccc3", "bbb2", upgrade=f"op.drop_table('old')\n{add}", message=EVIL)
    parted.git("merge", "--quiet", "--no-edit", "main")
    parted.commit("a change")
    for name, upgrade in (("other", "op.drop_column('users', 'age')"), ("third", "pass")):
        parted.git("switch", "--quiet", "--create", name, "main")
        parted.revision(f"{name}1", "bbb2", upgrade=upgrade)
        parted.commit(name)
    parted.git("switch", "--quiet", "feature")
    told = parted.branchmig("report").stdout
    top, _, rest = told.partition("### Added")
    assert (
        top
        == """\
<!-- branchmig report -->
## Migrations: 1 revision, every rule holds

Merged into `main` now, the head is `ccc3`.

### Look at this before it runs on tables with rows

- **destroys**: drops table old, `migrations/versions/ccc3.py:19` (drops-table)<br>its rows are gone, and code that \
still runs reads it<br>Safer: release code that does without it first, and drop it in a later release<br>`# in a later \
release`<br>`op.drop_table("old")`
- **may fail**: adds column users.age, `migrations/versions/ccc3.py:20` (adds-required-column)<br>rows that are there \
have no value for it, and code that still runs writes rows without it<br>Safer: give it a server_default; or add it \
nullable, fill it, and set nullable=False in a later revision<br>\
`op.add_column("users", sa.Column("age", ..., nullable=False, server_default="..."))`

### Other open branches

- `other` cannot land beside this one: in conflict over column users.age
- 1 branch with revisions beside these (`third`): the second one to land needs `branchmig merge` or `branchmig rebase`

"""
    )
    assert f"| `ccc3` | {SHOWN} | Ada Author | `bbb2` | <code>migrations/<wbr>versions/<wbr>ccc3.py</code> |\n" in rest
    assert f"<details><summary><code>ccc3</code> {SHOWN} (3 lines)</summary>\n" in rest
    assert "DROP TABLE old;\n\nALTER TABLE users ADD COLUMN age INTEGER NOT NULL;\n" in rest
    assert "<script" not in told


def test_an_older_state_of_the_same_branch_is_no_rival(parted: Checkout) -> None:
    settle(parted)
    parted.git("update-ref", "refs/remotes/origin/feature", "feature")
    parted.git("commit", "--quiet", "--amend", "-m", "again")
    assert "Other open branches" not in parted.branchmig("report").stdout


def test_json_has_all_of_it(parted: Checkout) -> None:
    settle(parted)
    path = parted.versions / "ccc3.py"
    path.write_text(path.read_text().replace("    pass", "    op.drop_table('a')", 1))
    document = json.loads(parted.branchmig("report", "--format", "json").stdout)
    assert document == {
        "version": 1,
        "at": "worktree",
        "into": "main",
        "ok": True,
        "heads": ["ccc3"],
        "problems": [],
        "added": [
            {
                "revision": "ccc3",
                "down_revision": ["bbb2"],
                "depends_on": [],
                "branch_labels": [],
                "message": "step ccc3",
                "path": "migrations/versions/ccc3.py",
                "author": "Ada Author",
                "sql": "DROP TABLE a;\n",
            }
        ],
        "dialects": ["sqlite"],
        "no_sql": None,
        "hazards": [
            {
                "code": "drops-table",
                "effect": "destroys",
                "severity": "warning",
                "example": '# in a later release\nop.drop_table("a")',
                "what": "drops table a",
                "why": "its rows are gone, and code that still runs reads it",
                "instead": "release code that does without it first, and drop it in a later release",
                "revision": "ccc3",
                "line": 18,
            }
        ],
        "unread": [],
        "squawk": [],
        "rivals": [],
        "branches": 0,
        "no_rivals": None,
        "proof": None,
        "no_proof": None,
        "schema": {
            "basis": "effects",
            "complete": False,
            "no_state": None,
            "states": [],
            "tables": [{"name": "a", "change": "removed", "complete": False, "columns": [], "foreign_keys": []}],
            "unread": [],
        },
        "unchecked": [],
        "waived": [],
    }


@pytest.mark.parametrize(("options", "expected"), [((), 0), (("--check",), 1)])
def test_check_is_what_makes_a_broken_rule_fail(parted: Checkout, options: tuple[str, ...], expected: int) -> None:
    assert parted.branchmig("report", *options).exit_code == expected


def test_check_of_a_branch_that_keeps_every_rule(parted: Checkout) -> None:
    settle(parted)
    assert parted.branchmig("report", "--check").exit_code == 0


def test_check_of_what_cannot_be_read_ends_with_3(parted: Checkout) -> None:
    settle(parted)
    parted.revision("ddd4", "ccc3", upgrade="from os import name\nop.execute(name)")
    parted.commit()
    told = parted.branchmig("report", "--check", "--no-sql")
    assert "Not everything could be read" in told.stdout
    assert told.exit_code == 3


def test_another_place_into_another_branch_is_read_without_a_checkout(parted: Checkout) -> None:
    parted.git("branch", "release", "main~1")
    told = parted.branchmig("report", "--at", "main", "--into", "release").stdout
    assert told.startswith("<!-- branchmig report -->\n## Migrations: 1 revision, every rule holds\n")
    assert "Merged into `release` now, the head is `bbb2`." in told


def test_the_scripts_of_another_place_give_the_sql(parted: Checkout) -> None:
    parted.git("switch", "--quiet", "main")
    parted.revision("ddd4", "bbb2", upgrade="op.execute('SELECT 4')")
    parted.commit()
    parted.git("switch", "--quiet", "feature")
    told = parted.branchmig("report", "--at", "main", "--into", "main~1").stdout
    assert "```sql\nSELECT 4;\n```" in told


def test_without_sql_no_code_of_the_project_is_run(parted: Checkout) -> None:
    parted.write_env("raise SystemExit('env.py was run')")
    told = parted.branchmig("report", "--no-sql")
    assert (told.exit_code, told.stderr) == (0, "")
    assert told.stdout.endswith("\nThe SQL is not here: it was not asked for\n")


def test_an_env_py_that_cannot_run_costs_only_the_sql(parted: Checkout) -> None:
    parted.write_env("import a_library_of_the_project")
    told = parted.branchmig("report")
    assert (told.exit_code, told.stderr) == (0, "")
    assert told.stdout.endswith(
        "\nThe SQL is not here: migrations/env.py:1: ModuleNotFoundError: No module named 'a_library_of_the_project'\n"
    )


def test_what_env_py_prints_is_no_part_of_the_report(parted: Checkout) -> None:
    env = parted.migrations / "env.py"
    env.write_text(f"print('hello')\n{env.read_text()}")
    told = parted.branchmig("report")
    assert "hello" not in told.stdout
    assert told.stderr == "hello\n"


def test_a_broken_graph_is_told_with_what_is_known(parted: Checkout) -> None:
    parted.revision("ddd4", "zzz9", upgrade="op.drop_table('a')")
    told = parted.branchmig("report")
    assert told.exit_code == 0
    assert "## Migrations: 2 revisions, 1 rule broken\n\nMerged into `main` now, the graph cannot be known.\n" in (
        told.stdout
    )
    assert "- **missing-parent**: " in told.stdout
    assert "drops table a, `migrations/versions/ddd4.py:18` (drops-table)" in told.stdout
    assert "mermaid" not in told.stdout


def test_the_proof(parted: Checkout) -> None:
    told = parted.branchmig("report", "--prove", "--no-sql")
    assert told.exit_code == 0
    assert told.stderr == (
        "Running env.py of the work tree and scripts of worktree and the target, on scratch databases.\n"
    )
    assert "\n**Proof: commutes** on sqlite: the order in which the two sides run does not matter.\n" in told.stdout


def test_an_order_that_fails_fails_the_check(parted: Checkout) -> None:
    for name, revision in (("main", "bbb2"), ("feature", "ccc3")):
        parted.git("switch", "--quiet", name)
        parted.table(revision, "aaa1")
        path = parted.versions / f"{revision}.py"
        path.write_text(path.read_text().replace(f"t_{revision}", "t_same"))
        parted.commit()
    told = parted.branchmig("report", "--prove", "--no-sql", "--check")
    assert told.exit_code == 1
    assert "\n**Proof: fails** on sqlite: one order of the two sides does not run.\n- ours first" in told.stdout


def test_a_proof_that_cannot_be_had_says_why(parted: Checkout) -> None:
    (parted.root / "alembic.ini").write_text(
        (parted.root / "alembic.ini").read_text() + "\n[branchmig]\nscratch_url = nonsense\n"
    )
    told = parted.branchmig("report", "--prove", "--no-sql")
    assert told.exit_code == 0
    assert "\nNo proof: " in told.stdout


def test_a_report_goes_into_a_file(parted: Checkout, tmp_path: Path) -> None:
    assert parted.branchmig("report", "-o", str(tmp_path / "report.md")).stdout == ""
    assert (tmp_path / "report.md").read_text().startswith("<!-- branchmig report -->\n")


def test_long_sql_is_cut_and_counted(parted: Checkout) -> None:
    settle(parted)
    parted.revision("ddd4", "ccc3", upgrade="for n in range(100):\n    op.execute(f'SELECT {n}')")
    told = parted.branchmig("report").stdout
    assert "(199 lines)" in told
    assert "SELECT 39;\n```\n\n… and 720 letters more, in 120 lines\n" in told


def test_a_report_fits_into_a_comment_and_says_what_does_not(parted: Checkout) -> None:
    settle(parted)
    above = "ccc3"
    for number in range(30):
        parted.revision(f"d{number:03}", above, upgrade=f"op.execute('SELECT \\'{'x' * 7000}\\'')")
        above = f"d{number:03}"
    told = parted.branchmig("report").stdout
    assert 50_000 < len(told) <= LARGEST + 300
    assert told.endswith(" parts left out, since a comment holds no more: `branchmig report` has all.\n")
    assert told.count("<details>") == told.count("</details>")


def on_postgresql(repo: Checkout) -> None:
    """Have the SQL written for a server that is not there: nothing connects to it."""
    settle(repo)
    ini = repo.root / "alembic.ini"
    text = ini.read_text().replace(repo.url, "postgresql+psycopg://nobody@127.0.0.1:1/none")
    ini.write_text(text)


@pytest.mark.skipif(
    not shutil.which("squawk", path=sysconfig.get_path("scripts")),
    reason="squawk is not installed: pip install 'branchmig[lint]'",
)
def test_on_postgresql_squawk_adds_what_the_own_rules_do_not_know(parted: Checkout) -> None:
    on_postgresql(parted)
    nullable = "op.execute('ALTER TABLE t ALTER COLUMN a DROP NOT NULL')"
    parted.revision("ddd4", "ccc3", upgrade=f"op.drop_table('old')\n{nullable}")
    found = json.loads(parted.branchmig("report", "--format", "json").stdout)
    assert found["dialects"] == ["postgresql"]
    assert [hazard["code"] for hazard in found["hazards"]] == ["drops-table"]
    assert [(item["rule"], item["revision"], item["line"]) for item in found["squawk"]] == [
        ("ban-drop-not-null", "ddd4", 3)
    ]
    told = parted.branchmig("report").stdout
    assert "\n- **squawk**: Dropping a `NOT NULL` constraint".replace("`", "&#96;") in told
    assert " (`ddd4`, line 3 of its SQL, ban-drop-not-null)" in told


def test_without_squawk_there_is_one_line_with_verbose(parted: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    on_postgresql(parted)
    monkeypatch.setattr("branchmig.integrations.squawk.shutil.which", lambda *_, **__: None)
    assert parted.branchmig("report").stderr == ""
    told = parted.branchmig("report", "--verbose")
    assert (told.exit_code, told.stderr) == (0, "squawk is not installed: pip install 'branchmig[lint]'\n")


def test_a_seed_needs_a_proof(parted: Checkout) -> None:
    told = parted.branchmig("report", "--seed", str(parted.root / "alembic.ini"))
    assert told.exit_code == 2
    assert "--seed goes with --prove: nothing else runs a script" in told.stderr


def test_no_target_is_told(repo: Checkout) -> None:
    repo.table("aaa1")
    repo.git("switch", "--quiet", "--create", "work")
    repo.commit()
    repo.git("branch", "another")
    told = repo.branchmig("report")
    assert (told.exit_code, told.stderr) == (
        3,
        "error: no git branch was found that the work lands in\n"
        "hint:  name it: --target REF, or target = REF in [branchmig]\n",
    )


def test_a_waiver_is_shown_where_nothing_is_new(parted: Checkout) -> None:
    """A revision that never worked is corrected, and nothing else."""
    parted.git("switch", "--quiet", "-c", "correction", "main")
    path = next(iter(sorted(parted.versions.glob("*.py"))))
    text = path.read_text().replace("def upgrade():\n", "def upgrade():\n    op.execute('SELECT 1')\n")
    path.write_text(f"{text}\n# branchmig: allow rewritten-revision: it never worked\n")
    told = parted.branchmig("report")
    assert told.exit_code == 0
    assert "## Migrations: 0 revisions, every rule holds or is waived (1)\n" in told.stdout
    assert "- waived **rewritten-revision**: " in told.stdout
    assert "<br>Reason: it never worked\n" in told.stdout


def test_a_waived_hazard_is_a_note_with_its_reason(parted: Checkout) -> None:
    settle(parted)
    parted.revision("ddd4", "ccc3", upgrade="op.drop_table('old')")
    assert [hazard["code"] for hazard in report(parted)["hazards"]] == ["drops-table"]
    path = parted.versions / "ddd4.py"
    path.write_text(path.read_text() + "\n# branchmig: allow drops-table: nothing reads it\n")
    document = report(parted)
    assert (document["ok"], document["problems"], document["hazards"]) == (True, [], [])
    assert [(item["code"], item["reason"], item["revisions"]) for item in document["waived"]] == [
        ("drops-table", "nothing reads it", ["ddd4"])
    ]
    assert "- waived **drops-table**: " in parted.branchmig("report", "--no-sql").stdout
    path.write_text(path.read_text().replace("drops-table", "drops-column"))
    document = report(parted)
    assert [hazard["code"] for hazard in document["hazards"]] == ["drops-table"]
    assert [problem["code"] for problem in document["problems"]] == ["unused-waiver"]


def report(repo: Checkout) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(repo.branchmig("report", "--no-sql", "--format", "json").stdout)
    return document


def test_the_tables_that_a_branch_changes_are_drawn(parted: Checkout) -> None:
    """What main changed meanwhile is not the branch's; a long diagram is folded."""
    parted.git("switch", "--quiet", "main")
    parted.revision("bbb2", "aaa1", upgrade="op.create_table('users', sa.Column('id', sa.Integer(), primary_key=True))")
    parted.commit("users")
    parted.git("switch", "--quiet", "feature")
    parted.git("merge", "--quiet", "--no-edit", "main")
    ccc3 = "op.add_column('users', sa.Column('name', sa.String(20)))"
    parted.revision("ccc3", "bbb2", upgrade=ccc3)
    parted.commit("names")
    _, _, section = parted.branchmig("report").stdout.partition("### Schema: ")
    diagram = [
        "```mermaid",
        "erDiagram",
        '  t0["users #40;changed#41;"] {',
        "    integer id PK",
        '    varchar(20) name "added"',
        "  }",
        "```",
    ]
    effects = "From the effects of 3 revisions: branchmig read the scripts and ran none."
    assert section.splitlines()[: len(diagram) + 4] == ["1 table changed", "", effects, "", *diagram]
    columns = ", ".join(f"sa.Column('c{number}', sa.Integer())" for number in range(50))
    parted.revision("ccc3", "bbb2", upgrade=f"op.create_table('wide', {columns})")
    _, _, section = parted.branchmig("report").stdout.partition("### Schema: ")
    assert section.splitlines()[4:7] == ["<details><summary>1 table</summary>", "", "```mermaid"]
    parted.revision("ccc3", "bbb2", upgrade="op.execute('UPDATE users SET id = 1')")
    assert "### Schema" not in parted.branchmig("report").stdout
