"""A service that is killed and started again, and a user of it who does not give up."""

import asyncio
import os
import socket
import ssl
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any

import httpx

# What a dead process was publishing goes to another one after minutes: longer than a test should take.
_HASTY = """
from datetime import timedelta
from lora_manager.__main__ import main
from lora_manager.app.metadata import publisher
publisher.LEASE, publisher.PATIENCE_S = timedelta(seconds=4), 3.0
main()
"""
_LOOK_EVERY_S = 0.05
_PATIENCE_S = 240  # on a busy machine
_NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # to read whom this machine trusts takes longer than a request
TIMEOUT_S = 30
"""After which a request counts as one that waits for what does not come."""


def free_port() -> int:
    """A port that was free, and stays the service's across its restarts."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    return port


async def until(is_so: Callable[[], Awaitable[bool]]) -> None:
    """Return when it is: for what a foreign process does without telling anybody."""
    while not await is_so():  # noqa: ASYNC110  # for that reason
        await asyncio.sleep(_LOOK_EVERY_S)


@dataclass(slots=True)
class Service:
    """``lora-manager serve`` on one port, one process after another.

    :param folder: the working directory, with the library in ``loras``
    :param wrapped_in: a command that runs each of its processes in its own place
    :param preamble: Python that they begin with
    :param answers: everything it ever answered, heads and bodies
    """

    folder: Path
    environment: Mapping[str, str]
    port: int = field(default_factory=free_port)
    wrapped_in: tuple[str, ...] = ()
    preamble: str = ""
    answers: list[bytes] = field(default_factory=list)
    _process: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def said(self) -> bytes:
        """What all its processes, and the commands beside it, have printed and logged."""
        return (self.folder / "log").read_bytes()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Up as the block begins, gone when it has ended."""
        async with asyncio.timeout(_PATIENCE_S):
            try:
                await self.start()
                yield
            finally:
                await self.kill()

    async def start(self) -> None:
        """Start a process, and return when it answers."""
        self._process = await self._open("serve", "--port", str(self.port))
        await until(self._is_up)

    async def _is_up(self) -> bool:
        assert self.process.returncode is None, self.said.decode()
        async with self.client() as client:
            try:
                await client.get("/health")
            except httpx.TransportError:
                return False
        return True

    @property
    def process(self) -> asyncio.subprocess.Process:
        """The latest one."""
        assert self._process is not None
        return self._process

    async def kill(self) -> None:
        """SIGKILL the process, and return when it is gone."""
        if self._process is not None:
            await end(self._process)

    @asynccontextmanager
    async def doing(self, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
        """Any command of ``lora-manager`` in the same place; its process is gone when the block has ended."""
        async with asyncio.timeout(_PATIENCE_S):
            process = await self._open(*arguments)
            try:
                yield process
            finally:
                await end(process)

    async def run(self, *arguments: str) -> int:
        """Run a command to its end, and give its exit code."""
        async with self.doing(*arguments) as process:
            return await process.wait()

    async def _open(self, *arguments: str) -> asyncio.subprocess.Process:
        with (self.folder / "log").open("ab") as log:
            return await asyncio.create_subprocess_exec(
                *(*self.wrapped_in, sys.executable),
                *("-c", self.preamble + _HASTY, *arguments),
                cwd=self.folder,
                env={**os.environ, **self.environment},
                stdout=log,
                stderr=log,
            )

    def client(self) -> httpx.AsyncClient:
        """One that keeps its connections, and does not ask again."""
        return httpx.AsyncClient(base_url=self.url, timeout=TIMEOUT_S, trust_env=False, verify=_NO_TLS)

    async def ask(self, method: str, path: str, *expected: int, **options: Any) -> httpx.Response:  # noqa: ANN401  # httpx's
        """The answer, which must be one of these; asked again only where the process died meanwhile."""
        async with self.client() as client:
            while True:
                try:
                    answer = await client.request(method, path, **options)
                except (httpx.NetworkError, httpx.RemoteProtocolError):  # not a timeout: that would be a failure
                    await asyncio.sleep(_LOOK_EVERY_S)  # it is being started again
                    continue
                self.answers += [repr(answer.headers.multi_items()).encode(), answer.content]
                assert answer.status_code in (expected or {HTTPStatus.OK}), answer.text
                return answer

    async def adapters(self) -> list[dict[str, Any]]:
        """Those that are registered now."""
        items: list[dict[str, Any]] = (await self.ask("GET", "/adapters?limit=500")).json()["items"]
        return items


async def end(process: asyncio.subprocess.Process) -> None:
    """SIGKILL a process, and return when it is gone."""
    if process.returncode is None:
        process.kill()
    await process.wait()
