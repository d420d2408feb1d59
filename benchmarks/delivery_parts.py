"""The processes that deliveries are measured with: ``python -m benchmarks.delivery_parts PART ...``.

``target [SECONDS]`` prints its port and answers every POST with nothing, at once or after so long; ``bare URL COUNT``
and ``drain COUNT PORT`` print seconds.
"""

import asyncio
import os
import sys
import time

import aiosqlite
import asyncpg  # type: ignore[import-untyped]  # ships no types
import uvloop

from lora_manager.app.application import Application
from lora_manager.app.deliveries.enqueue_delivery import EnqueueDeliveryCommand
from lora_manager.container import open_application
from lora_manager.domain.delivery import Mode
from lora_manager.settings import load_settings

CLAIM = 20
_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
_TABLE = (
    "CREATE TABLE job (id INTEGER PRIMARY KEY, state TEXT NOT NULL, token INTEGER NOT NULL, attempt INTEGER NOT NULL, "
    "lease_until DOUBLE PRECISION, due DOUBLE PRECISION NOT NULL)"
)
_CLAIM = """
    UPDATE job SET state = 'running', token = token + 1, attempt = attempt + 1, lease_until = {now} + 30
    WHERE id IN (
        SELECT id FROM job WHERE (state = 'queued' AND due <= {now}) OR (state = 'running' AND lease_until < {now})
        ORDER BY due LIMIT {limit} {lock}
    ) RETURNING id, token
"""
_DONE = "UPDATE job SET state = 'done' WHERE id = {0} AND token = {1} AND state = 'running'"


class _Target(asyncio.Protocol):
    """Answers each request once the end of its JSON has come and a time has gone by.

    :param seconds: that it takes over a request
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._received = b""

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, found, body = self._received.partition(b"\r\n\r\n")
        if found and len(body) >= int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]):
            self._received = b""
            asyncio.get_running_loop().call_later(self._seconds, self._transport.write, _ANSWER)  # type: ignore[attr-defined]  # a TCP connection's can


async def target(seconds: float = 0.0) -> None:
    """Serve until killed."""
    server = await asyncio.get_running_loop().create_server(lambda: _Target(seconds), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


async def bare_sqlite(path: str, count: int) -> float:
    """Claim 20 at a time, do nothing, commit each result; on one connection."""
    async with aiosqlite.connect(path, isolation_level=None) as database:
        await database.execute("PRAGMA journal_mode = WAL")
        await database.execute("PRAGMA synchronous = FULL")
        await database.execute(_TABLE)
        await database.execute("CREATE INDEX job_due ON job (state, due)")
        await database.execute("BEGIN")
        rows = [(number,) for number in range(count)]
        await database.executemany("INSERT INTO job VALUES (?, 'queued', 0, 0, NULL, 0)", rows)
        await database.execute("COMMIT")
        claim = _CLAIM.format(now="unixepoch()", limit=CLAIM, lock="")
        started = time.perf_counter()
        while claimed := list(await database.execute_fetchall(claim)):
            for job in claimed:
                await database.execute(_DONE.format("?", "?"), job)
        return time.perf_counter() - started


async def bare_postgresql(url: str, count: int) -> float:
    """The same on PostgreSQL."""
    database = await asyncpg.connect(url)
    await database.execute(_TABLE)
    await database.execute("CREATE INDEX job_due ON job (state, due)")
    await database.execute(f"INSERT INTO job SELECT n, 'queued', 0, 0, NULL, 0 FROM generate_series(1, {count}) n")  # noqa: S608
    await database.execute("VACUUM ANALYZE job")
    claim = _CLAIM.format(now="extract(epoch FROM now())", limit=CLAIM, lock="FOR UPDATE SKIP LOCKED")
    started = time.perf_counter()
    while claimed := await database.fetch(claim):
        for job in claimed:
            await database.execute(_DONE.format("$1", "$2"), *job)
    seconds = time.perf_counter() - started
    await database.execute("DROP TABLE job")
    await database.close()
    return seconds


async def drain(count: int, port: int) -> float:
    """Have one worker deliver what waits, from before its first look until the last result is stored."""
    async with open_application(load_settings(os.environ)) as application:
        await _enqueue(application, count, port)
        async with application.open_worker() as worker:
            stop = asyncio.Event()
            started = time.perf_counter()
            working = asyncio.create_task(worker.run(stop))
            while await application.deliveries.waiting():  # noqa: ASYNC110  # the worker tells nobody
                await asyncio.sleep(0.05)
            stop.set()
            await working
            return time.perf_counter() - started


async def _enqueue(application: Application, count: int, port: int) -> None:
    for number in range(count):
        await application.enqueue_delivery(
            EnqueueDeliveryCommand(
                prompt=f"harbour {number}", mode=Mode.HTTP, params={"host": "127.0.0.1", "port": port}
            )
        )


async def main(part: str, arguments: list[str]) -> None:
    """Do one part."""
    if part == "target":
        await target(*map(float, arguments))
    elif part == "bare" and arguments[0].startswith("postgresql"):
        print(await bare_postgresql(arguments[0], int(arguments[1])))
    elif part == "bare":
        print(await bare_sqlite(arguments[0], int(arguments[1])))
    else:
        print(await drain(int(arguments[0]), int(arguments[1])))


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], sys.argv[2:]))
