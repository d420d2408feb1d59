"""Settling files that were read: deciding what each means for the registry, and storing it batch by batch."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import aclosing
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from lora_manager.app.change import add, save
from lora_manager.app.library.inspect_file import inspection_of
from lora_manager.app.library.sidecars import Sidecars
from lora_manager.domain.errors import Conflict, FileMissing, InvalidFile
from lora_manager.domain.file import Inspected
from lora_manager.domain.file.record import FileState, name_from_stem, stem_of
from lora_manager.domain.lora import Lora
from lora_manager.domain.scan import Finding, FoundFile, KnownFile
from lora_manager.domain.settle import Candidates, Settled, Turn, broken, gone, settle, turn_of
from lora_manager.domain.sidecar import NOTHING, Told
from lora_manager.ports.clock import Clock
from lora_manager.ports.event_log import EventLog
from lora_manager.ports.identifiers import Identifiers
from lora_manager.ports.library import Library
from lora_manager.ports.unit_of_work import BeginUnitOfWork, UnitOfWork

BATCH_FILES = 400
ATTEMPTS = 5  # against another scan that registers the same names at the same moment

Read = tuple[FoundFile, Inspected]
Later = tuple[Turn, Read]
Decide = Callable[[UnitOfWork], Awaitable[tuple[Sequence[Settled], Sequence[Later]]]]
T = TypeVar("T")


class Settlement:
    """What became of the files of one scan.

    :param found: the files of this scan by path, as last looked at; the scan keeps it up to date
    :param sidecars: what lies beside them, which a new LoRA takes in; kept up to date, too
    :param dry_run: decide everything and store nothing
    """

    def __init__(
        self,
        found: Mapping[str, FoundFile],
        sidecars: Sidecars,
        *,
        begin: BeginUnitOfWork,
        library: Library,
        clock: Clock,
        identifiers: Identifiers,
        log: EventLog,
        dry_run: bool,
    ) -> None:
        self._found = found
        self._sidecars = sidecars
        self._begin = begin
        self._library = library
        self._clock = clock
        self._identifiers = identifiers
        self._log = log
        self._dry_run = dry_run
        self._imagined = Candidates()  # the registry as a dry run would have left it
        self._later: list[Later] = []
        self._settled: set[UUID] = set()
        self._taken: set[str] = set()  # paths whose file has its line in the report
        self._contents: dict[str, str | None] = {}  # SHA-256 of files outside this scan that were touched; None: unread
        self.findings: list[Finding] = []

    def has_settled(self, known: KnownFile) -> bool:
        """Whether it is known what became of this entry."""
        return known.lora_id in self._settled

    async def add(self, batch: Sequence[Read]) -> None:
        """Settle what can be settled before all is read."""
        await self._settle([(Turn.AT_ONCE, read) for read in batch])

    async def finish(self) -> None:
        """Settle the rest, once all is read."""
        for path in self._contents:
            self._contents[path] = await self._read_sha256(path)
        later = sorted(self._later, key=lambda item: item[0])
        for start in range(0, len(later), BATCH_FILES):
            await self._settle(later[start : start + BATCH_FILES])

    async def mark_lost(self, known: Sequence[KnownFile], refused: Mapping[str, str]) -> None:
        """Mark the entries whose file is nowhere, is refused now, or whose place another entry has taken.

        :param refused: why, by path
        """
        lost = [
            entry
            for entry in known
            if not self.has_settled(entry) and (entry.path in refused or await self._is_lost(entry))
        ]
        for start in range(0, len(lost), BATCH_FILES):
            await self._mark({entry.lora_id: entry.path for entry in lost[start : start + BATCH_FILES]}, refused)

    async def _settle(self, batch: Sequence[Later]) -> None:
        told = await self._sidecars.read({found.path: inspected.hashes for _, (found, inspected) in batch})

        async def decide(uow: UnitOfWork) -> tuple[Sequence[Settled], Sequence[Later]]:
            candidates = await self._candidates(uow, [read for _, read in batch])
            settled: list[Settled] = []
            later: list[Later] = []
            awaited = {inspected.hashes.sha256 for _, (_, inspected) in self._later}
            for turn, read in batch:
                right_turn = await self._right_turn(read, candidates, awaited) if turn is Turn.AT_ONCE else turn
                if right_turn is turn:
                    settled += await self._decide(read, candidates, told.get(read[0].path, NOTHING))
                else:
                    later.append((right_turn, read))
                    awaited.add(read[1].hashes.sha256)
            return settled, later

        if batch:
            await self._commit(decide)

    async def _right_turn(self, read: Read, candidates: Candidates, awaited: Collection[str]) -> Turn:
        found, inspected = read
        for lora in candidates.with_content(inspected.hashes.sha256):
            if await self._holds(lora) is None:
                self._contents[lora.file_path] = None
                return Turn.KNOWN_CONTENT
        return turn_of(found, inspected, candidates, awaited)

    async def _decide(self, read: Read, candidates: Candidates, told: Told) -> Sequence[Settled]:
        found, inspected = read
        owners = candidates.with_content(inspected.hashes.sha256)
        held = {lora.id for lora in owners if await self._holds(lora)}
        now, new_id = self._clock.now(), self._identifiers.new
        verdicts = settle(found, inspected, candidates, held=held, new_id=new_id, now=now, told=told)
        for verdict in verdicts:
            if verdict.lora is not None:
                candidates.put(verdict.lora)
        return verdicts

    async def _mark(self, paths: Mapping[UUID, str], refused: Mapping[str, str]) -> None:
        async def decide(uow: UnitOfWork) -> tuple[Sequence[Settled], Sequence[Later]]:
            now = self._clock.now()
            # One that was deleted or moved by somebody else meanwhile is not ours to mark.
            loras = [x for x in await uow.loras.get(*paths) if x.deleted_at is None and x.file_path == paths[x.id]]
            return [_loss(lora, refused.get(lora.file_path), now=now) for lora in loras], ()

        await self._commit(decide)

    async def _commit(self, decide: Decide) -> None:
        """Decide and store in one transaction."""

        async def attempt() -> tuple[Sequence[Settled], Sequence[Later]]:
            async with self._begin() as uow:
                settled, later = await decide(uow)
                if not self._dry_run:
                    await _store(uow, settled)
            return settled, later

        settled, later = await retried(attempt)
        self._later += later
        self._note(settled)

    def _note(self, settled: Sequence[Settled]) -> None:
        """Take what was stored into the report, and tell of it."""
        for verdict in settled:
            self.findings.append(verdict.finding)
            self._taken.add(verdict.finding.path)
            if verdict.lora is not None:
                self._settled.add(verdict.lora.id)
            if not self._dry_run:
                self._log.record(verdict.events)

    async def _candidates(self, uow: UnitOfWork, batch: Sequence[Read]) -> Candidates:
        """All that these files may turn out to be."""
        candidates = self._imagined if self._dry_run else Candidates()
        for lora in await uow.loras.matching(
            paths={found.path for found, _ in batch},
            sha256s={inspected.hashes.sha256 for _, inspected in batch},
            names={name_from_stem(stem_of(found.path)) for found, _ in batch},
        ):
            if lora.id not in candidates:
                candidates.put(lora)
        return candidates

    async def _holds(self, lora: Lora) -> bool | None:
        """Whether the LoRA's own file still has its content; None where only reading the file would tell."""
        if lora.file is None:
            return False
        found = self._found.get(lora.file_path)
        try:
            there = found or await self._library.stat(lora.file_path)
        except InvalidFile:
            return False
        if there.size_bytes != lora.file.size_bytes:
            return False
        if there.modified_ns == lora.file.modified_ns:
            return True
        if found is not None:
            return False  # a file of this scan that was touched and kept its content is settled before all others
        sha256 = self._contents.get(lora.file_path)
        return None if sha256 is None else sha256 == lora.sha256

    async def _read_sha256(self, path: str) -> str | None:
        async with aclosing(self._library.examine([path], inspection_of)) as results:
            result = await anext(results)
        return None if isinstance(result.outcome, InvalidFile) else result.outcome.hashes.sha256

    async def _is_lost(self, known: KnownFile) -> bool:
        """Whether nothing of this entry is there; a folder that cannot be read just now loses nothing."""
        if known.path in self._found:
            return known.path in self._taken or known.state is FileState.MISSING
        try:
            await self._library.stat(known.path)
        except FileMissing:
            return True
        except InvalidFile:
            return False
        return False


async def retried(attempt: Callable[[], Awaitable[T]]) -> T:
    """What an attempt comes to; it is made again from the start when somebody else was faster."""
    for _ in range(ATTEMPTS - 1):
        try:
            return await attempt()
        except Conflict:
            continue
    return await attempt()


async def _store(uow: UnitOfWork, settled: Sequence[Settled]) -> None:
    changed = [(verdict.lora, verdict) for verdict in settled if verdict.lora is not None and verdict.events]
    await add(uow, [lora for lora, verdict in changed if verdict.is_new])
    await save(uow, [(lora, verdict.events) for lora, verdict in changed if not verdict.is_new])
    await uow.commit()


def _loss(lora: Lora, refusal: str | None, *, now: datetime) -> Settled:
    """The verdict on a LoRA that is lost; one that was missing before stays so, whatever lies in its place."""
    was_missing = lora.file is not None and lora.file.state is FileState.MISSING
    return gone(lora, now=now) if refusal is None or was_missing else broken(lora, refusal, now=now)
