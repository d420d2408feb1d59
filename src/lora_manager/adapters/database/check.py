"""Looking at the database."""

import os
from collections.abc import Iterator, Sequence

from lora_manager.adapters.checks.apart import apart
from lora_manager.adapters.checks.bounded import PATIENCE_S, BoundedCheck
from lora_manager.adapters.checks.places import existing, why_not_writable
from lora_manager.adapters.database.engine import open_database
from lora_manager.adapters.database.migrate import NEWEST_REVISION
from lora_manager.adapters.database.postgres_look import PostgresFacts, look_at
from lora_manager.adapters.database.revisions import known_revisions
from lora_manager.adapters.database.sqlite_look import SqliteFacts, look_into
from lora_manager.adapters.database.url import SqliteFile, parse_url
from lora_manager.ports.diagnosis import Diagnosis

_MB = 10**6
_SPARE_CONNECTIONS = 10  # of a server: those of a service and a worker
_MIGRATE = "run lora-manager migrate"
_WAY_OUT = "check that it runs and can be reached, or correct DATABASE_URL"
_LOCAL_DISK = "put the file on a local disk, or use PostgreSQL"


class DatabaseCheck(BoundedCheck):
    """Looks at the database without making one, and without changing its tables.

    :param url: the DATABASE_URL
    :param auto_migrate: whether a start brings the tables up to date
    """

    def __init__(self, url: str, *, auto_migrate: bool, patience_s: float = PATIENCE_S) -> None:
        super().__init__("database", way_out=_WAY_OUT, patience_s=patience_s)
        self._url = url
        self._auto_migrate = auto_migrate

    async def _look(self) -> Sequence[Diagnosis]:
        place = parse_url(self._url)
        if isinstance(place, SqliteFile):
            return await apart(lambda: list(self._told_of_file(place)))
        async with open_database(self._url, pool_size=1) as database:
            return list(self._told_of_server(f"PostgreSQL at {place}", await look_at(database)))

    def _told_of_file(self, place: SqliteFile) -> Iterator[Diagnosis]:
        facts = look_into(place)
        if facts is None:
            yield self._to_be_made(place)
            return
        what = f"SQLite file {place}, {facts.size_bytes / _MB:,.1f} MB"
        if facts.damage is not None:
            restored = (
                f"stop the service, and put a backup in the place of {place}, without {place}-wal and {place}-shm"
            )
            yield self.bad(f"{what}, is damaged: {facts.damage}", restored)
            return
        checked = "undamaged" if facts.is_checked else "undamaged as far as there was time to look"
        yield self._by_revision(f"{what}, {checked}", facts.revision)
        yield from self._doubts_of_file(facts)

    def _doubts_of_file(self, facts: SqliteFacts) -> Iterator[Diagnosis]:
        if facts.is_busy:
            yield self.doubtful(
                "another program has been writing to it all the time", "end that program if it should not"
            )
        if facts.network is not None:
            yield self.doubtful(f"it lies on a network file system ({facts.network}), which may damage it", _LOCAL_DISK)
        elif facts.revision is not None and not facts.is_wal:
            yield self.doubtful(
                "it has no write-ahead log: whoever reads it waits for whoever writes",
                f"the next start gives it one; if not, {_LOCAL_DISK}",
            )

    def _to_be_made(self, place: SqliteFile) -> Diagnosis:
        folder = existing(os.path.dirname(place.path))
        reason = why_not_writable(folder)
        if reason is not None:
            way_out = "let the user that runs the service write there, or correct DATABASE_URL"
            return self.bad(f"there is none at {place}, and none can be made in {folder}: {reason}", way_out)
        if not self._auto_migrate:
            return self.bad(f"there is none at {place}", _MIGRATE)
        return self.good(f"there is none at {place} yet; the first start makes it")

    def _told_of_server(self, where: str, facts: PostgresFacts) -> Iterator[Diagnosis]:
        what = f"{where}, version {facts.version}, answers in {facts.ping_ms:,.1f} ms"
        yield self._by_revision(what, facts.revision)
        if facts.is_standby:
            yield self.bad("it is a standby, and takes no changes", "let DATABASE_URL lead to the primary server")
        elif facts.is_read_only:
            yield self.bad(
                "it takes no changes from this user",
                "turn default_transaction_read_only off for the user and the database in DATABASE_URL",
            )
        if facts.max_connections - facts.connections < _SPARE_CONNECTIONS:
            yield self.doubtful(
                f"{facts.connections} of its {facts.max_connections} connections are in use",
                "raise max_connections, or end what does not need its own: every service and worker takes up to five",
            )

    def _by_revision(self, what: str, revision: str | None) -> Diagnosis:
        if revision == NEWEST_REVISION:
            return self.good(f"{what}, revision {revision}")
        if revision is None and self._auto_migrate:
            return self.good(f"{what}, has no tables yet; the first start makes them")
        if revision is None:
            return self.bad(f"{what}, has no tables yet", _MIGRATE)
        if revision not in known_revisions():
            return self.bad(
                f"{what}, is at revision {revision}, which a newer lora-manager made (this one knows up to "
                f"{NEWEST_REVISION})",
                "update lora-manager, or restore the backup made before that update",
            )
        behind = f"{what}, is at revision {revision} and behind this release ({NEWEST_REVISION})"
        if self._auto_migrate:
            return self.doubtful(behind, "make a backup: the next start brings it up to date")
        return self.bad(behind, f"make a backup, then {_MIGRATE}")
