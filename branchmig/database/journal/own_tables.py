"""The tables that branchmig keeps in users' databases, and how autogenerate is kept from seeing them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from branchmig.database.run.run_listener import RunListener
from branchmig.effects.own_table_changes import is_own_table

RECORDED = "branchmig_statements_recorded"
"""Key of a context's options, set where each statement of a step is recorded, so that what is done is known."""


class OwnTablesHidden(RunListener):
    """Adds to env.py's include_name and include_object that branchmig's tables are none of its models' business."""

    def configuring(self, options: dict[str, Any]) -> None:
        """Wrap what env.py gives; its own functions are asked of everything else, as before."""
        options["include_name"] = _name_filter(options.get("include_name"))
        options["include_object"] = _object_filter(options.get("include_object"))


def _name_filter(own: Callable[..., bool] | None) -> Callable[..., bool]:
    def include_name(name: str | None, type_: str, parent_names: Mapping[str, str | None]) -> bool:
        table = name if type_ == "table" else parent_names.get("table_name")
        if is_own_table(table):
            return False
        return own is None or own(name, type_, parent_names)

    return include_name


def _object_filter(own: Callable[..., bool] | None) -> Callable[..., bool]:
    def include_object(thing: Any, name: str | None, type_: str, reflected: bool, compare_to: Any) -> bool:
        if type_ == "table" and is_own_table(name):
            return False
        return own is None or own(thing, name, type_, reflected, compare_to)

    return include_object
