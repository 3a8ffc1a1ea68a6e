"""The page without a browser: what it refuses, and how strings of a repository get into it."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from typing import Any

import pytest

from branchmig.planning.picture import Picture
from branchmig.render.graph_html import Details, embedded, page
from tests.graphs import graph
from tests.render.pictures import EVIL, TABLE, everything, with_effects

DETAILS = Details(
    {"bbbb0000": f"x = '''{EVIL}'''\n"}, {"bbbb0000": f"-- {EVIL}"}, {"bbbb0000": [("c0ffee", EVIL, "d")]}
)


def whole() -> str:
    return page(with_effects(), EVIL, DETAILS, lambda path: path)


def data() -> Any:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', whole(), re.DOTALL)
    assert found is not None
    return json.loads(found[1])


def test_nothing_of_a_repository_is_markup() -> None:
    text = whole()
    assert len(re.findall(r"<script", text)) == len(re.findall(r"</script", text)) == 2
    assert "alert(1)" not in re.sub(r'<script type="application/json".*?</script>', "", text, flags=re.DOTALL).replace(
        "&lt;script&gt;alert(1)&lt;/script&gt;", ""
    )


def test_the_data_is_what_it_was() -> None:
    found = data()
    assert found["title"] == EVIL
    assert found["place"] == "HEAD merged with feature/x"
    assert found["has"] == {"branch": True, "author": True, "date": True, "state": True}
    bbbb = next(row for row in found["rows"] if row["id"] == "bbbb0000")
    assert {name: bbbb[name] for name in ("message", "script", "sql", "blame", "state", "labels", "number")} == {
        "message": EVIL + "\nsecond line",
        "script": f"x = '''{EVIL}'''\n",
        "sql": f"-- {EVIL}",
        "blame": {"commits": [["c0ffee", EVIL, "d"]], "lines": [0]},
        "state": "applied",
        "labels": ["users"],
        "number": 4,
    }


def test_effects_are_there_with_the_tables_that_they_touch() -> None:
    found = data()
    rows = {row["id"]: row for row in found["rows"] if "id" in row}
    assert found["tables"] == sorted(["audit", TABLE, "tasks"])
    assert [found["tables"][number] for number in rows["bbbb0000"]["tables"]] == found["tables"]
    assert rows["bbbb0000"]["effects"][0] == {
        "kind": "add",
        "text": TABLE,
        "what": f"creates table {TABLE}",
        "line": 4,
    }
    assert rows["bbbb0000"]["effects"][-1]["allowed"] == f"allowed {EVIL}"
    assert "effects" not in rows["aaaa0000"]
    assert rows["dddd0000"]["effects"] == []


def test_databases_have_a_name_and_no_password() -> None:
    first, second = data()["databases"]
    assert first == {"name": "shop", "url": "postgresql://app:***@db.example.org:5432/shop?sslmode=require"}
    assert second["url"] == f"sqlite:///{EVIL}"


def test_the_policy_allows_its_own_script_and_style_and_nothing_else() -> None:
    text = whole()

    def hash_of(tag: str) -> str:
        found = re.search(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        assert found is not None
        return base64.b64encode(hashlib.sha256(found[1].encode()).digest()).decode()

    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text)
    assert policy is not None
    assert policy[1] == (
        f"default-src 'none'; style-src 'sha256-{hash_of('style')}'; script-src 'sha256-{hash_of('script')}'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def test_nothing_is_asked_of_a_network() -> None:
    text = page(everything(), EVIL, DETAILS, str)
    assert re.findall(r"(?:https?:)?//[a-z]", text.replace("http://www.w3.org/2000/svg", "")) == []


@pytest.mark.parametrize("text", ["</script>", "<!--", "-->", "]]>", "\u2028\u2029", "&amp;", '"\\', "\x00\x1b"])
def test_a_string_in_the_data_is_no_markup_and_comes_back(text: str) -> None:
    told = embedded({"text": text})
    assert re.search("[<>&\u2028\u2029]", told) is None
    assert json.loads(told) == {"text": text}


def test_a_name_that_is_no_utf_8_does_not_stop_the_page() -> None:
    assert json.loads(embedded("a\udce9b")) == "a?b"


def test_an_empty_graph_is_a_page() -> None:
    assert page(Picture(graph(), ()), "empty", Details(), str).startswith("<!DOCTYPE html>")
