from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from branchmig.project import fingerprints as module
from branchmig.project.fingerprints import WORTH_REMEMBERING, fingerprints
from branchmig.revisions.fingerprint import fingerprint

if TYPE_CHECKING:
    from pathlib import Path


def scripts(count: int) -> list[bytes]:
    return [f"def upgrade():\n    op.drop_table('t{number}')\n".encode() for number in range(count)]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "branchmig"


def test_what_was_computed_is_remembered_by_the_whole_text(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = scripts(WORTH_REMEMBERING)
    right = {source: fingerprint(source) for source in (*many, b"x = 1\n")}
    assert fingerprints(tmp_path, many) == {source: right[source] for source in many}
    computed: list[bytes] = []
    monkeypatch.setattr(module, "fingerprint", lambda source: computed.append(source) or fingerprint(source))
    assert fingerprints(tmp_path, [*many, b"x = 1\n"]) == right
    assert computed == [b"x = 1\n"]
    (file,) = cache.iterdir()
    for damaged in (b"", b"[]", file.read_bytes()[:-9], file.read_bytes().replace(b"2:", b"3:")):
        file.write_bytes(damaged)
        assert fingerprints(tmp_path, [*many, b"x = 1\n"]) == right
    monkeypatch.setenv("XDG_CACHE_HOME", "/proc/nowhere")
    assert fingerprints(tmp_path, [*many, b"x = 1\n"]) == right


def test_few_scripts_touch_no_file(tmp_path: Path, cache: Path) -> None:
    few = scripts(WORTH_REMEMBERING - 1)
    assert fingerprints(tmp_path, few) == {source: fingerprint(source) for source in few}
    assert not cache.exists()
