"""A write-ahead log whose database file is gone or empty is left alone."""

from collections.abc import Callable
from pathlib import Path

import pytest

from lora_manager.adapters.database.engine import open_database
from lora_manager.adapters.database.sqlite_file import require_whole
from lora_manager.adapters.database.sqlite_look import look_into, revision_in
from lora_manager.adapters.database.url import SqliteFile
from lora_manager.domain.errors import Unavailable


@pytest.mark.parametrize("is_there", [True, False], ids=["empty", "gone"])
async def test_a_log_without_its_file_is_named_and_kept(tmp_path: Path, is_there: bool) -> None:
    path, log = tmp_path / "db.sqlite", tmp_path / "db.sqlite-wal"
    log.write_bytes(b"what was written last")
    if is_there:
        path.touch()
    with pytest.raises(Unavailable, match=f"{path} does not answer: it is gone or empty.*{log}; restore both"):
        async with open_database(f"sqlite:///{path}"):
            pass
    assert log.read_bytes() == b"what was written last"


@pytest.mark.parametrize("look", [look_into, revision_in])
def test_who_only_looks_leaves_the_log_alone_as_well(tmp_path: Path, look: Callable[[SqliteFile], object]) -> None:
    path, log = tmp_path / "db.sqlite", tmp_path / "db.sqlite-wal"
    path.touch()
    log.write_bytes(b"what was written last")
    with pytest.raises(Unavailable, match="gone or empty"):
        look(SqliteFile(path))
    assert log.read_bytes() == b"what was written last"


@pytest.mark.parametrize("content", [{}, {"db.sqlite": b""}, {"db.sqlite": b"x", "db.sqlite-wal": b"x"}])
def test_a_new_file_and_a_file_with_its_log_pass(tmp_path: Path, content: dict[str, bytes]) -> None:
    for name, data in content.items():
        (tmp_path / name).write_bytes(data)
    require_whole(SqliteFile(tmp_path / "db.sqlite"))


def test_an_empty_log_is_none(tmp_path: Path) -> None:
    (tmp_path / "db.sqlite-wal").touch()
    require_whole(SqliteFile(tmp_path / "db.sqlite"))
