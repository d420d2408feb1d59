"""A delivery that was accepted is delivered, whatever dies: the service, its workers, the queue, the database."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from lora_manager.adapters.database.engine import open_database
from lora_manager.adapters.database.migrate import upgrade
from tests.contract.redis_server import RedisServer, redis_server_in
from tests.crash.fleet import Fleet, Storm, weather
from tests.crash.own_postgres import OwnPostgres, postgres

__all__ = ["postgres"]

LEASE = {"WORKER_LEASE_S": "2"}  # what a killed worker held waits this long


@pytest.fixture
def listen_port() -> int:
    """A port that was free, and stays the service's across its restarts."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    return port


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[RedisServer]:
    folder = tmp_path / "redis"
    folder.mkdir()
    with redis_server_in(folder) as server:
        yield server


async def test_with_workers_postgresql_and_redis(
    tmp_path: Path, listen_port: int, postgres: OwnPostgres, redis_server: RedisServer
) -> None:
    async with open_database(postgres.url) as database:
        await upgrade(database)
    fleet = Fleet(
        tmp_path, {**LEASE, "DATABASE_URL": postgres.url, "QUEUE_URL": redis_server.url, "WORKER_CONCURRENCY": "4"}
    )
    storm = Storm(1, strokes=(redis_server.flush, postgres.restart))
    serve = ("serve", "--port", str(listen_port))
    await weather(storm, fleet, f"http://127.0.0.1:{listen_port}", serve, ("worker",), ("worker",))


async def test_with_sqlite_and_the_worker_of_the_service(tmp_path: Path, listen_port: int) -> None:
    fleet = Fleet(tmp_path, {**LEASE, "WORKER_CONCURRENCY": "4"})
    storm = Storm(3, kills=5)  # it needs about one second to start
    await weather(storm, fleet, f"http://127.0.0.1:{listen_port}", ("serve", "--port", str(listen_port)))
