"""What the tests of access share."""

from pathlib import Path

import pytest

from lora_manager.adapters.keys.file import FileKeyStore
from tests.unit.app.access.desk import Desk


@pytest.fixture
def desk() -> Desk:
    """A desk that has handed out nothing yet."""
    return Desk()


@pytest.fixture
def closed(tmp_path: Path) -> FileKeyStore:
    """Keys that are there and cannot be read."""
    path = tmp_path / "api-keys.json"
    path.write_bytes(b"damaged")
    return FileKeyStore(str(path))
