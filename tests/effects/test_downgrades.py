from __future__ import annotations

import pytest

from branchmig.effects.downgrades import downgrade_obstacle, is_downgrade_forgotten, is_irreversible


def script(upgrade: str, downgrade: str) -> bytes:
    return f"def upgrade():\n    {upgrade}\n\ndef downgrade():\n    {downgrade}\n".encode()


@pytest.mark.parametrize("empty", ["pass", "...", '"""Nothing."""', "pass; pass"])
def test_a_downgrade_without_a_statement_is_forgotten_unless_the_upgrade_has_none(empty: str) -> None:
    assert is_downgrade_forgotten(script("op.execute('x')", empty))
    assert not is_downgrade_forgotten(script(empty, empty))
    assert not is_downgrade_forgotten(script("op.execute('x')", "op.execute('y')"))


def test_what_is_no_python_is_left_to_the_run() -> None:
    assert not is_downgrade_forgotten(b"def upgrade(:")


def test_a_comment_says_that_a_revision_cannot_be_undone() -> None:
    assert is_irreversible(b"def downgrade():\n    pass  # branchmig: irreversible, the data is gone\n")
    assert not is_irreversible(b"# irreversible\n")


UPGRADE = "def upgrade():\n    op.execute('x')\n"


@pytest.mark.parametrize(
    ("source", "obstacle"),
    [
        (UPGRADE + "def downgrade():\n    op.execute('y')\n", None),
        (UPGRADE + "def downgrade():\n    pass\n", "has an empty downgrade()"),
        ("def upgrade():\n    pass\ndef downgrade():\n    pass\n", None),
        (UPGRADE, "has no downgrade()"),
        (UPGRADE + "from helpers import downgrade\n", None),
        (UPGRADE + "downgrade = upgrade\n", None),
        (
            UPGRADE + 'def downgrade():\n    """No way."""\n    raise NotImplementedError("no")\n',
            "has a downgrade() that raises NotImplementedError",
        ),
        (UPGRADE + "def downgrade():\n    raise Gone\n", "has a downgrade() that raises Gone"),
        (UPGRADE + "def downgrade():\n    if x:\n        raise Gone\n    op.execute('y')\n", None),
        (
            UPGRADE + "def downgrade():\n    pass  # branchmig: irreversible\n",
            "says that it cannot be undone (# branchmig: irreversible)",
        ),
        ("def upgrade(:\n", "does not compile"),
    ],
)
def test_what_stands_in_the_way_of_a_downgrade_is_seen_without_running_it(source: str, obstacle: str | None) -> None:
    assert downgrade_obstacle(source.encode()) == obstacle
