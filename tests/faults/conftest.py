from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.faults.processes import Starter

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def starter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Starter]:
    """Starts processes that begin in the same moment."""
    with Starter(tmp_path_factory.mktemp("processes")) as starter:
        yield starter
