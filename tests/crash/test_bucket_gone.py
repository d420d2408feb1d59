"""An S3 server that is gone for a while: what needs it says so, and goes on when it is back."""

import asyncio
from http import HTTPStatus

from tests.crash.faults import accepted, becomes, refused
from tests.crash.remote import Remote, remote
from tests.crash.service import Service, until
from tests.library import lora_bytes
from tests.standins.a1111 import Variant, running

__all__ = ["remote"]


async def test_without_its_bucket_files_are_refused_and_images_kept_for_another_attempt(remote: Remote) -> None:
    service = remote.service
    service.environment = {**service.environment, "STORAGE_TYPE": "s3", "METADATA_SYNC": "false"}
    one, two = lora_bytes("1"), lora_bytes("2")
    async with service.running(), running(Variant.A1111) as painter, service.client() as client:
        answer = await service.ask("POST", "/uploads?filename=one.safetensors", HTTPStatus.CREATED, content=one)
        file = {"name": "one", "file_path": answer.json()["file_path"]}
        made = await service.ask("POST", "/adapters", HTTPStatus.CREATED, json=file)
        download = f"/adapters/{made.json()['adapter']['id']}/file"

        await remote.way.refuse()
        painted = await accepted(service, "sdnext", {"base_url": painter.url}, max_attempts=1)
        delivery, *details = await asyncio.gather(
            becomes(service, painted),
            refused(service, "POST", "/uploads?filename=two.safetensors", content=two),
            refused(service, "GET", download),
            why_a_scan_failed(service),
        )
        error = delivery["error"]
        assert (error["code"], error["retryable"]) == ("storage_unavailable", True)
        assert "the images were made but cannot be kept" in error["message"]
        for detail in (error["message"], *details):
            for part in (remote.way.url, "cannot be reached", "S3_ENDPOINT"):
                assert part in detail
        assert len(await service.adapters()) == 1
        await remote.way.start()

        await service.ask("POST", "/uploads?filename=two.safetensors", HTTPStatus.CREATED, content=two)
        assert (await client.get(download, follow_redirects=True)).content == one
        await service.ask("POST", f"/deliveries/{painted}/retry")
        assert (await becomes(service, painted))["status"] == "succeeded"
        assert remote.content.keys() == {"one.safetensors", "two.safetensors", f"deliveries/{painted}/image-1.png"}
        assert remote.server.open_uploads(remote.bucket) == []
    assert b"Traceback" not in service.said


async def why_a_scan_failed(service: Service) -> str:
    scan = (await service.ask("POST", "/library/scans", HTTPStatus.ACCEPTED)).json()["scan"]

    async def has_failed() -> bool:
        scan.update((await service.ask("GET", f"/library/scans/{scan['id']}")).json()["scan"])
        return bool(scan["state"] == "failed")

    await until(has_failed)
    return str(scan["detail"])
