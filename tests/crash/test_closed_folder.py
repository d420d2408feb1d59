"""A data folder that may not be written to is named, at the start and later, and what can go on goes on."""

import os
import shutil
from http import HTTPStatus
from pathlib import Path

import pytest

from tests.crash.faults import accepted, becomes, error_line, refused, registered, service
from tests.crash.service import Service
from tests.library import lora_bytes
from tests.standins.a1111 import Variant, running

__all__ = ["service"]

CLOSED, OPEN = 0o555, 0o755
UPLOAD = "/uploads?filename=two.safetensors"


@pytest.fixture
def bound(service: Service) -> Service:
    """A service that permissions bind: root's gets none of the rights to pass over them."""
    if os.geteuid() == 0:
        if shutil.which("setpriv") is None:
            pytest.skip("permissions do not bind root")
        service.wrapped_in = ("setpriv", "--bounding-set=-dac_override,-dac_read_search", "--")
    return service


@pytest.mark.parametrize("is_new", [True, False], ids=["a new database", "a database that is there"])
async def test_a_data_folder_that_is_read_only_stops_the_start(
    bound: Service, sqlite_template: Path, is_new: bool
) -> None:
    data = bound.folder / "data"
    data.mkdir()
    if not is_new:
        shutil.copy(sqlite_template, data / "db.sqlite")
        (data / "db.sqlite").chmod(0o444)
    data.chmod(CLOSED)
    assert await bound.run("serve", "--port", str(bound.port)) == 1
    line = error_line(bound)
    assert str(data / "db.sqlite") in line
    assert "the user that runs the service" in line
    assert "write to" in line


async def test_what_may_not_be_written_any_more_is_named_and_the_rest_goes_on(bound: Service) -> None:
    data = bound.folder / "data"
    async with bound.running(), running(Variant.A1111) as painter:
        ink = await registered(bound, "ink")
        await bound.ask("POST", "/uploads?filename=one.safetensors", HTTPStatus.CREATED, content=lora_bytes("1"))
        folders = [data, *(path for path in data.rglob("*") if path.is_dir())]
        for folder in folders:
            folder.chmod(CLOSED)

        detail = await refused(bound, "POST", UPLOAD, content=lora_bytes("2"))
        assert "permission denied; let the user that runs the service read and write there, or point DATA_DIR" in detail
        painted = await accepted(bound, "sdnext", {"base_url": painter.url}, max_attempts=1)
        error = (await becomes(bound, painted))["error"]
        assert error["code"] == "storage_unavailable"
        assert "permission denied; let the user" in error["message"]
        assert len(await bound.adapters()) == 1
        await bound.ask("POST", "/compose", json={"prefix": "a quiet harbour"})
        await bound.ask("PATCH", f"/adapters/{ink}", json={"weight": 0.5})  # into files that are open

        for folder in folders:
            folder.chmod(OPEN)
        await bound.ask("POST", UPLOAD, HTTPStatus.CREATED, content=lora_bytes("2"))
        await bound.ask("POST", f"/deliveries/{painted}/retry")
        assert (await becomes(bound, painted))["status"] == "succeeded"
    assert b"Traceback" not in bound.said
