"""A disk that is full is named, what was there stays readable, and with room again everything goes on."""

import subprocess
import sys
from http import HTTPStatus
from pathlib import Path

import pytest

from tests.crash.faults import accepted, becomes, receiving, refused, registered, service
from tests.crash.service import Service
from tests.library import lora_bytes
from tests.standins.a1111 import Variant, running
from tests.standins.pictures import png
from tests.unit.domain.file.building import build, lora

__all__ = ["service"]

_OWN_MOUNTS = ("unshare", "--user", "--map-root-user", "--mount", "sh", "-c")
_SMALL_DISK = 'mkdir -p data && mount -t tmpfs -o size=4m small data && exec "$@"'
_BLOCK = b"\0" * 4096
LARGE_FILE = build(lora({"lora_unet_mid_block_attentions_0_transformer_blocks_0_attn1_to_q": (1 << 14, 8)}, rank=16))
LARGE_PICTURE = png("steps: 20, " * 100_000)
ROOM = 512 << 10  # bytes: too little for those two


class SmallDisk:
    """The data folder of a service, on a disk that only its process sees."""

    def __init__(self, service: Service) -> None:
        self._service = service

    @property
    def files(self) -> set[str]:
        """What lies on it besides the database, what fills it and locks."""
        found = {path for path in self._data.rglob("*") if path.is_file() and path.name not in {"lock", "ballast"}}
        return {str(path.relative_to(self._data)) for path in found if not path.name.startswith("db.sqlite")}

    def fill(self, *, but_for: int = 0) -> None:
        """Leave no room, or so many bytes."""
        ballast = self._data / "ballast"
        with ballast.open("ab", buffering=0) as file:
            try:
                while file.write(_BLOCK):
                    pass
            except OSError:
                file.truncate(ballast.stat().st_size - but_for)

    def make_room(self) -> None:
        (self._data / "ballast").unlink()

    @property
    def _data(self) -> Path:
        return Path(f"/proc/{self._service.process.pid}/root{self._service.folder}/data")


def can_mount(folder: Path) -> bool:
    """Whether this machine lets its users mount a disk that nobody else sees."""
    if sys.platform != "linux":
        return False
    return subprocess.run([*_OWN_MOUNTS, _SMALL_DISK, "sh", "true"], cwd=folder, check=False).returncode == 0


@pytest.fixture
def disk(service: Service) -> SmallDisk:
    if not can_mount(service.folder):
        pytest.skip("no disk can be mounted here")
    service.wrapped_in = (*_OWN_MOUNTS, _SMALL_DISK, "sh")
    return SmallDisk(service)


async def test_a_database_without_room_is_named_and_goes_on_once_there_is_some(
    service: Service, disk: SmallDisk
) -> None:
    async with service.running(), receiving() as receiver:
        ink = await registered(service, "ink")
        under_way = await accepted(service, "http", receiver.params)
        await receiver.got(1)
        before = await service.adapters()

        disk.fill()
        for method, path, body in (
            ("PATCH", f"/adapters/{ink}", {"weight": 0.5}),
            ("POST", "/deliveries", {"prompt": "a quiet harbour", "mode": "http", "params": receiver.params}),
            ("POST", f"/deliveries/{under_way}/cancel", None),
            ("POST", "/library/scans", None),
        ):
            detail = await refused(service, method, path, json=body)
            assert "db.sqlite does not answer: the disk is full; make room on it" in detail
        await service.ask("GET", "/health")
        assert await service.adapters() == before
        assert (await service.ask("POST", "/compose", json={"prefix": "a quiet harbour"})).json()["prompt"]
        receiver.release.set()  # what comes of it waits until it can be recorded

        disk.make_room()
        assert (await becomes(service, under_way))["status"] == "succeeded"
        await service.ask("PATCH", f"/adapters/{ink}", json={"weight": 0.5})
        assert receiver.attempts == [(under_way, "1")]
    assert b"Traceback" not in service.said


async def test_a_file_that_finds_the_disk_full_leaves_nothing_and_is_kept_once_there_is_room(
    service: Service, disk: SmallDisk
) -> None:
    service.environment = {"DATABASE_URL": f"sqlite:///{service.folder / 'db.sqlite'}"}
    upload = "/uploads?filename=large.safetensors"
    async with service.running(), running(Variant.A1111) as painter:
        await service.ask("POST", "/uploads?filename=small.safetensors", HTTPStatus.CREATED, content=lora_bytes("1"))
        disk.fill(but_for=ROOM)
        detail = await refused(service, "POST", upload, content=LARGE_FILE)
        assert "large.safetensors: the disk is full; free some space, or point DATA_DIR at another disk" in detail

        painter.samples = [LARGE_PICTURE]
        painted = await accepted(service, "sdnext", {"base_url": painter.url}, max_attempts=1)
        error = (await becomes(service, painted))["error"]
        assert (error["code"], error["retryable"]) == ("storage_unavailable", True)
        assert "the images were made but cannot be kept" in error["message"]
        assert "the disk is full; free some space" in error["message"]
        assert disk.files == {"uploads/small.safetensors"}

        disk.make_room()
        await service.ask("POST", upload, HTTPStatus.CREATED, content=LARGE_FILE)
        await service.ask("POST", f"/deliveries/{painted}/retry")
        assert (await becomes(service, painted))["status"] == "succeeded"
        kept = {"uploads/small.safetensors", "uploads/large.safetensors", f"deliveries/{painted}/image-1.png"}
        assert disk.files == kept
    assert b"Traceback" not in service.said
