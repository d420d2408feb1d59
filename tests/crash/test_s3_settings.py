"""What is wrong with S3 is said: at the start where only a setting mends it, else by ``/health/ready``."""

from http import HTTPStatus

import pytest

from tests.crash.remote import Remote, remote
from tests.crash.service import Service, until
from tests.standins.http_server import Reply, serving

__all__ = ["remote"]


@pytest.mark.parametrize("setting", ["S3_BUCKET", "METADATA_BUCKET"])
async def test_a_bucket_that_is_not_there_stops_the_start(remote: Remote, setting: str) -> None:
    remote.service.environment = {**remote.service.environment, "STORAGE_TYPE": "s3", setting: "not-there"}
    await refuses_to_start(remote.service, setting)


@pytest.mark.parametrize("code", ["InvalidAccessKeyId", "SignatureDoesNotMatch", "AccessDenied"])
async def test_a_key_that_is_refused_stops_the_start(remote: Remote, code: str) -> None:
    async def refuse(method: str, *_: object) -> Reply:
        body = "" if method == "HEAD" else f"<Error><Code>{code}</Code><Message>no</Message></Error>"
        return HTTPStatus.FORBIDDEN, {"Content-Type": "application/xml"}, body.encode()

    async with serving(refuse) as refusing:
        remote.service.environment = {**remote.service.environment, "S3_ENDPOINT": refusing.url}
        await refuses_to_start(remote.service, "AWS_ACCESS_KEY_ID")


async def test_an_endpoint_that_is_away_is_named_until_it_is_back(remote: Remote) -> None:
    service = remote.service
    service.environment = {**service.environment, "STORAGE_TYPE": "s3"}
    await remote.way.refuse()

    async def is_ready() -> bool:
        return (await service.ask("GET", "/health/ready", HTTPStatus.OK, HTTPStatus.SERVICE_UNAVAILABLE)).is_success

    async with service.running():
        detail = (await service.ask("GET", "/health/ready", HTTPStatus.SERVICE_UNAVAILABLE)).json()["detail"]
        for part in ("blob store: ", "metadata store: ", remote.way.url, "cannot be reached", "S3_ENDPOINT"):
            assert part in detail
        await remote.way.start()
        await until(is_ready)


async def refuses_to_start(service: Service, setting: str) -> None:
    """It ends by itself, with one line that names what to set right."""
    assert await service.run("serve", "--port", str(service.port)) == 1
    [line] = [line for line in service.said.decode().splitlines() if line.startswith("Error: ")]
    assert setting in line
