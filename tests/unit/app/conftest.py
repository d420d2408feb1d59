"""What the tests of use cases share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.app.world import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """An empty library."""
    library = tmp_path / "library"
    library.mkdir()
    with World(library) as world:
        yield world
