"""Whatever happens to the files between scans, every entry follows its content."""

import asyncio
import hashlib
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from uuid import UUID

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from lora_manager.domain.events import EventName
from lora_manager.domain.file.record import FileState
from lora_manager.domain.scan import Finding, Outcome
from tests.library import lora_bytes
from tests.unit.app.world import World

PLACES = st.sampled_from([f"{folder}/{stem}" for folder in ("a", "b", "b/c") for stem in ("ink", "wash", "fog")])
CONTENTS = st.sampled_from(["1", "2", "3", "4", "5", "long one", "long two"])
OF_FILES = (Outcome.ADDED, Outcome.MOVED, Outcome.CHANGED, Outcome.UNCHANGED, Outcome.DUPLICATE, Outcome.REJECTED)


def told(groups: Mapping[Outcome, Iterable[Finding]]) -> Counter[tuple[str, ...]]:
    """A report without the ids, which a dry run makes up."""
    return Counter(
        (f.outcome.value, f.path, str(f.name), str(f.version), str(f.previous_path), str(f.reason))
        for findings in groups.values()
        for f in findings
    )


class LibraryMachine(RuleBasedStateMachine):
    """Files are written, moved, copied, swapped, touched, ruined and removed; then the library is scanned."""

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory()
        self.world = World(Path(self._folder.name).resolve())
        self.contents: dict[str, str | None] = {}  # by place; None is no LoRA
        self.entries: set[UUID] = set()
        for folder in ("a", "b"):
            (self.world.library / folder).mkdir()

    def teardown(self) -> None:
        self.world.files.close()
        self._folder.cleanup()

    @rule(place=PLACES, content=CONTENTS)
    def write(self, place: str, content: str) -> None:
        self.world.put(place, content)
        self.contents[place] = content

    @rule(place=PLACES)
    def ruin(self, place: str) -> None:
        self.world.put(place, "")
        self.world.path(place).write_bytes(b"no LoRA")
        self.world.touch(place)
        self.contents[place] = None

    @precondition(lambda self: self.contents)
    @rule(data=st.data(), to=PLACES)
    def move(self, data: st.DataObject, to: str) -> None:
        place = data.draw(st.sampled_from(sorted(self.contents)))
        self.world.move(place, to)
        self.contents[to] = self.contents.pop(place)

    @precondition(lambda self: self.contents)
    @rule(data=st.data(), to=PLACES, keeps_time=st.booleans())
    def copy(self, data: st.DataObject, to: str, keeps_time: bool) -> None:
        place = data.draw(st.sampled_from(sorted(self.contents)))
        if place == to:
            return
        self.world.path(to).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(self.world.path(place), self.world.path(to))
        if not keeps_time:
            self.world.touch(to)
        self.contents[to] = self.contents[place]

    @precondition(lambda self: len(self.contents) > 1)
    @rule(data=st.data())
    def swap(self, data: st.DataObject) -> None:
        one, other = data.draw(st.permutations(sorted(self.contents)))[:2]
        self.world.move(one, "aside")
        self.world.move(other, one)
        self.world.move("aside", other)
        self.contents[one], self.contents[other] = self.contents[other], self.contents[one]

    @precondition(lambda self: self.contents)
    @rule(data=st.data())
    def touch(self, data: st.DataObject) -> None:
        self.world.touch(data.draw(st.sampled_from(sorted(self.contents))))

    @precondition(lambda self: self.contents)
    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        place = data.draw(st.sampled_from(sorted(self.contents)))
        self.world.path(place).unlink()
        del self.contents[place]

    @rule(folder=st.sampled_from(["a", "b"]))
    def scan_a_folder(self, folder: str) -> None:
        asyncio.run(self.world.scan(folder))
        self.entries |= {lora.id for lora in self.world.store.living()}

    @rule()
    def scan(self) -> None:
        asyncio.run(self._scan())

    async def _scan(self) -> None:
        before = {lora.id: lora for lora in self.world.store.living()}
        planned = await self.world.scan(dry_run=True)
        assert {lora.id: lora for lora in self.world.store.living()} == before, "a dry run changes nothing"

        report = await self.world.scan()
        assert told(report) == told(planned), "a dry run says what a scan does"
        told_of = Counter(f.path for outcome in OF_FILES for f in report[outcome])
        assert told_of == Counter(str(self.world.path(place)) for place in self.contents), "each file has one line"

        after = {lora.id: lora for lora in self.world.store.living()}
        on_disk: dict[str, set[str]] = {}
        for place, content in self.contents.items():
            if content is not None:
                on_disk.setdefault(sha256_of(content), set()).add(str(self.world.path(place)))
        for lora_id, lora in before.items():
            if lora.sha256 in on_disk:
                assert after[lora_id].sha256 == lora.sha256, "an entry follows its content"
        assert Counter(lora.sha256 for lora in after.values() if lora.sha256 in on_disk) == Counter(on_disk.keys())
        for lora in after.values():
            assert lora.file is not None
            if lora.file.state in {FileState.PRESENT, FileState.CHANGED}:
                assert lora.file_path in on_disk[str(lora.sha256)], "an entry is where its content is"
            else:
                assert lora.sha256 not in on_disk, "what is there is not missing"
        self.entries |= after.keys()

        self.world.happened()
        again = await self.world.scan()
        assert {lora.id: lora for lora in self.world.store.living()} == after, "a second scan changes nothing"
        assert [*again[Outcome.ADDED], *again[Outcome.MOVED], *again[Outcome.CHANGED]] == []
        assert self.world.happened() == [EventName.SCANNED]

    @invariant()
    def no_entry_is_lost(self) -> None:
        assert self.entries <= {lora.id for lora in self.world.store.living()}


def sha256_of(content: str) -> str:
    """The digest by which the registry knows this content."""
    return hashlib.sha256(lora_bytes(content)).hexdigest()


TestLibrary = LibraryMachine.TestCase
TestLibrary.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
