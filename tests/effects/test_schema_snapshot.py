from __future__ import annotations

from branchmig.effects.schema_snapshot import (
    Catalog,
    Rows,
    order_differences,
    row_differences,
    schema_differences,
    volatile_columns,
)

NAMES = ("before", "after")


def test_equal_catalogs_have_no_differences() -> None:
    item = Catalog({"table t": {"column a": "INTEGER"}}, {"t": ("a",)})
    assert (schema_differences(item, item, NAMES), order_differences(item, item, NAMES)) == ((), ())


def test_each_difference_has_a_line() -> None:
    item = Catalog({"table t": {"column a": "INTEGER", "column b": "TEXT"}, "view v": {"": "SELECT 1"}, "enum e": {}})
    other = Catalog({"table t": {"column a": "BIGINT", "index i": "(a)"}, "view v": {"": "SELECT 2"}, "table u": {}})
    assert schema_differences(item, other, NAMES) == (
        "enum e: only before",
        "table t, column a: INTEGER before, BIGINT after",
        "table t, column b: only before (TEXT)",
        "table t, index i: only after ((a))",
        "table u: only after",
        "view v: SELECT 1 before, SELECT 2 after",
    )


def test_column_order_is_told_apart_from_columns_that_differ() -> None:
    item = Catalog({}, {"t": ("a", "b"), "u": ("a",)})
    other = Catalog({}, {"t": ("b", "a"), "u": ("b",)})
    assert order_differences(item, other, NAMES) == ("table t: column order alone differs: a, b before, b, a after",)


def test_the_order_of_rows_and_columns_is_no_difference() -> None:
    item = {"t": Rows(("a", "b"), (("1", "x"), ("2", "y")))}
    other = {"t": Rows(("b", "a"), (("y", "2"), ("x", "1")))}
    assert row_differences(item, other, NAMES) == {}


def test_a_row_that_is_there_twice_differs_from_one_that_is_there_once() -> None:
    item = {"t": Rows(("a",), (("1",), ("1",)))}
    other = {"t": Rows(("a",), (("1",),))}
    assert row_differences(item, other, NAMES) == {"t": "rows of t: 1 differs, e.g. a = 1 before"}


def test_columns_of_clocks_can_be_left_out() -> None:
    row = Rows(("a", "at"), (("1", "noon"),))
    other = Rows(("a", "at"), (("1", "night"),))
    assert list(volatile_columns(row, other)) == ["at"]
    assert row_differences({"t": row}, {"t": other}, NAMES, {("t", "at")}) == {}


def test_tables_that_are_too_big_are_not_compared() -> None:
    item, other = Rows(("a",), (("1",),), is_whole=False), Rows(("a",), (("2",),), is_whole=False)
    assert row_differences({"t": item}, {"t": other}, NAMES) == {}
