"""How far the reading is, counted where it happens: in the reader's threads."""

from collections import Counter
from collections.abc import Callable, Sequence
from threading import Lock

from lora_manager.domain.file import Inspected, Inspection
from lora_manager.domain.scan import FoundFile, Progress


class Tally:
    """Counts files and bytes and tells every change of the count."""

    def __init__(self, to_read: Sequence[FoundFile], tell: Callable[[Progress], None]) -> None:
        self._lock = Lock()
        self._tell = tell
        self._files_total = len(to_read)
        self._bytes_total = sum(file.size_bytes for file in to_read)
        self._files = self._bytes = 0
        self._bytes_of: Counter[str] = Counter()  # of the files being read
        tell(self.progress)

    @property
    def progress(self) -> Progress:
        """The count now."""
        return Progress(self._files, self._files_total, self._bytes, self._bytes_total)

    def add_bytes(self, path: str, count: int) -> None:
        """So many bytes more of a file were read."""
        with self._lock:
            self._bytes += count
            self._bytes_of[path] += count
        self._tell(self.progress)

    def file_done(self, file: FoundFile) -> None:
        """A file is done with; what was not worth reading of it is done, too."""
        with self._lock:
            self._files += 1
            self._bytes += max(file.size_bytes - self._bytes_of.pop(file.path, 0), 0)
        self._tell(self.progress)


class CountedInspection:
    """An inspection that tells the tally what it was fed."""

    def __init__(self, file: FoundFile, tally: Tally) -> None:
        self._inspection = Inspection(file.size_bytes)
        self._path = file.path
        self._tally = tally

    def feed(self, chunk: memoryview) -> None:
        """The next bytes."""
        self._tally.add_bytes(self._path, len(chunk))
        self._inspection.feed(chunk)

    def finish(self) -> Inspected:
        """What the file is."""
        return self._inspection.finish()
