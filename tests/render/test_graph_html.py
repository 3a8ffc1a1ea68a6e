"""The page without a browser: what it refuses, and how strings of a repository get into it."""

from __future__ import annotations

import base64
import hashlib
import json
import re

import pytest

from branchmig.planning.picture import Picture
from branchmig.render.graph_html import Details, embedded, page
from tests.graphs import graph
from tests.render.pictures import EVIL, everything

DETAILS = Details(
    {"bbbb0000": f"x = '''{EVIL}'''\n"}, {"bbbb0000": f"-- {EVIL}"}, {"bbbb0000": [("c0ffee", EVIL, "d")]}
)


def whole() -> str:
    return page(everything(), EVIL, DETAILS, lambda path: path)


def test_nothing_of_a_repository_is_markup() -> None:
    text = whole()
    assert len(re.findall(r"<script", text)) == len(re.findall(r"</script", text)) == 2
    assert "alert(1)" not in re.sub(r'<script type="application/json".*?</script>', "", text, flags=re.DOTALL).replace(
        "&lt;script&gt;alert(1)&lt;/script&gt;", ""
    )


def test_the_data_is_what_it_was() -> None:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', whole(), re.DOTALL)
    assert found is not None
    data = json.loads(found[1])
    assert data["title"] == EVIL
    assert data["place"] == "HEAD merged with feature/x"
    assert data["has"] == {"branch": True, "author": True, "date": True, "state": True}
    bbbb = next(row for row in data["rows"] if row["id"] == "bbbb0000")
    assert {name: bbbb[name] for name in ("message", "script", "sql", "blame", "state", "labels", "number")} == {
        "message": EVIL + "\nsecond line",
        "script": f"x = '''{EVIL}'''\n",
        "sql": f"-- {EVIL}",
        "blame": {"commits": [["c0ffee", EVIL, "d"]], "lines": [0]},
        "state": "applied",
        "labels": ["users"],
        "number": 4,
    }


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
    assert re.findall(r"(?:https?:)?//[a-z]", whole().replace("http://www.w3.org/2000/svg", "")) == []


@pytest.mark.parametrize("text", ["</script>", "<!--", "-->", "]]>", "\u2028\u2029", "&amp;", '"\\', "\x00\x1b"])
def test_a_string_in_the_data_is_no_markup_and_comes_back(text: str) -> None:
    told = embedded({"text": text})
    assert re.search("[<>&\u2028\u2029]", told) is None
    assert json.loads(told) == {"text": text}


def test_a_name_that_is_no_utf_8_does_not_stop_the_page() -> None:
    assert json.loads(embedded("a\udce9b")) == "a?b"


def test_an_empty_graph_is_a_page() -> None:
    assert page(Picture(graph(), ()), "empty", Details(), str).startswith("<!DOCTYPE html>")
