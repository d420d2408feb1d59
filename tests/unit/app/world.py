"""A library on disk, a registry in memory, and the scan that keeps them together."""

import json
import os
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self
from uuid import UUID

from lora_manager.adapters.library.local import LocalLibrary
from lora_manager.adapters.memory.catalog import MemoryCatalog
from lora_manager.adapters.memory.store import MemoryStore
from lora_manager.adapters.memory.unit_of_work import MemoryUnitOfWork
from lora_manager.app.library.scan_library import OnProgress, ScanLibrary, ScanLibraryCommand
from lora_manager.domain.events import Event, EventName
from lora_manager.domain.ids import uuid7
from lora_manager.domain.lora import Lora
from lora_manager.domain.scan import Finding, Outcome, group
from lora_manager.ports.clock import Clock
from lora_manager.ports.event_log import EventLog
from lora_manager.ports.identifiers import Identifiers
from tests.library import write_lora

START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

Report = Mapping[Outcome, Sequence[Finding]]


def counts(report: Report) -> dict[Outcome, int]:
    """How many files have which outcome; outcomes of none are left out."""
    return {outcome: len(findings) for outcome, findings in report.items() if findings}


@dataclass(slots=True)
class TickingClock(Clock):
    """Each look at it is a little later than the one before."""

    tick: timedelta = timedelta(milliseconds=1)
    _now: datetime = START

    def now(self) -> datetime:
        self._now += self.tick
        return self._now

    def elapsed(self) -> float:
        return (self.now() - START).total_seconds()


@dataclass(slots=True)
class CountedIdentifiers(Identifiers):
    """The first id, the second, ..."""

    _count: int = 0

    def new(self) -> UUID:
        self._count += 1
        return uuid7(1_750_000_000_000, self._count)


@dataclass(frozen=True, slots=True)
class RememberedEvents(EventLog):
    """Keeps what it is told."""

    events: list[Event] = field(default_factory=list)

    def record(self, events: Sequence[Event]) -> None:
        self.events.extend(events)


class World(AbstractContextManager["World"]):
    """A library folder whose files are put, moved and touched by name; every time a file has is another one."""

    def __init__(self, library: Path) -> None:
        self.library = library
        self.store = MemoryStore()
        self.catalog = MemoryCatalog(self.store)
        self.clock = TickingClock()
        self.log = RememberedEvents()
        self.files = LocalLibrary([str(library)], threads=2)
        self.begin = partial(MemoryUnitOfWork, self.store)
        self.scan_library = ScanLibrary(
            begin=self.begin,
            report=self.catalog,
            library=self.files,
            clock=self.clock,
            identifiers=CountedIdentifiers(),
            log=self.log,
        )
        self._modified_ns = 1_700_000_000_000_000_000

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.files.close()

    def path(self, name: str) -> Path:
        """Where the file of this name lies."""
        return self.library / f"{name}.safetensors"

    def put(self, name: str, content: str) -> Path:
        """Write a LoRA file."""
        return write_lora(self.path(name), content, modified_ns=self._new_time())

    def put_beside(self, name: str, suffix: str, content: object) -> Path:
        """Write a companion of the file: a text as it is, anything else as JSON."""
        path = self.library / f"{name}{suffix}"
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    def touch(self, name: str) -> None:
        """Give the file another time."""
        moment = self._new_time()
        os.utime(self.path(name), ns=(moment, moment))

    def move(self, name: str, to: str) -> None:
        """Give the file another name; its time goes with it."""
        self.path(to).parent.mkdir(parents=True, exist_ok=True)
        self.path(name).rename(self.path(to))

    def _new_time(self) -> int:
        self._modified_ns += 1_000_000_000
        return self._modified_ns

    async def scan(
        self,
        *names: str,
        dry_run: bool = False,
        sidecars: bool = False,
        on_progress: OnProgress = lambda _: None,
    ) -> Report:
        """Scan these folders, or all of the library."""
        paths = tuple(str(self.library / name) for name in names or ("",))
        command = ScanLibraryCommand(paths=paths, dry_run=dry_run, sidecars=sidecars)
        return group(await self.scan_library(command, on_progress))

    @property
    def loras(self) -> dict[str, Lora]:
        """The living entries by name, or by name and version."""
        return {
            lora.name if lora.version is None else f"{lora.name}@{lora.version}": lora for lora in self.store.living()
        }

    async def change(self, lora: Lora) -> None:
        """Store a changed entry."""
        async with self.begin() as uow:
            await uow.loras.save(lora)
            await uow.commit()

    def happened(self) -> list[EventName]:
        """What was told since this was last asked."""
        names = [event.name for event in self.log.events]
        self.log.events.clear()
        return names
