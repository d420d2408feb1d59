"""A service in front of an S3 server, with a way between the two on which things go wrong."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.contract.s3_faults import S3Faults, s3_faults
from tests.contract.s3_server import S3Server
from tests.contract.stores import sql_stores
from tests.crash.service import Service, free_port, until

FOREVER = 1_000_000  # requests
_CIVITAI_KEY = "a-key-for-civitai"
_SECRETS = (S3Server.access_key_id, S3Server.secret_access_key, _CIVITAI_KEY)


@dataclass(frozen=True, slots=True)
class Remote:
    """The service, what is behind it, and the way.

    :param bucket: for files and, below ``metadata/``, for documents
    """

    service: Service
    server: S3Server
    bucket: str
    way: S3Faults

    @property
    def content(self) -> dict[str, bytes]:
        """What is in the bucket, by key."""
        return {key: self.server.content(self.bucket, key) for key in self.server.keys(self.bucket)}

    @property
    def documents(self) -> dict[str, bytes]:
        """What is published, by the LoRA's id."""
        published = {key.removeprefix("metadata/"): content for key, content in self.content.items()}
        return {key.removesuffix(".json"): content for key, content in published.items() if key.endswith(".json")}

    async def nothing_waits(self) -> None:
        """Return when everything is published, by what the database holds."""
        async with sql_stores(f"sqlite:///{self.service.folder / 'data' / 'db.sqlite'}") as stores:

            async def is_done() -> bool:
                return (await stores.publications.backlog()).waiting == 0

            await until(is_done)

    async def no_parts_are_left(self) -> None:
        """Return when no upload of several parts is under way or abandoned."""

        async def is_done() -> bool:
            return self.server.open_uploads(self.bucket) == []

        await until(is_done)


@pytest.fixture
async def remote(tmp_path: Path, s3_server: S3Server) -> AsyncIterator[Remote]:
    """Where a service is to run; afterwards nothing it printed, answered or stored may hold a secret."""
    bucket = s3_server.make_bucket()
    (tmp_path / "loras").mkdir()
    async with s3_faults(s3_server.url) as way:
        environment = {
            **s3_server.settings,
            "S3_ENDPOINT": way.url,
            "S3_BUCKET": bucket,
            "S3_ABANDONED_AFTER_S": "1",
            "METADATA_SYNC": "true",
            "CIVITAI_API_KEY": _CIVITAI_KEY,
            "CIVITAI_BASE_URL": f"http://127.0.0.1:{free_port()}",
            "LOG_LEVEL": "debug",
        }
        remote = Remote(Service(tmp_path, environment), s3_server, bucket, way)
        yield remote
    heard = b"\n".join([remote.service.said, *remote.service.answers, *remote.content.values()])
    assert [secret for secret in _SECRETS if secret.encode() in heard] == []
