"""The bars that show how far long work is."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lora_manager.domain.scan import Progress

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import ProgressColumn


@contextmanager
def progress_bar(waiting: str = "looking for files") -> Iterator[Callable[[Progress], None]]:
    """A bar of files and bytes on stderr for as long as the block lasts, and what to tell it.

    :param waiting: what is shown until it is known how much there is
    """
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich import progress

    with _bar(progress.DownloadColumn(), progress.TransferSpeedColumn()) as bar:
        task = bar.add_task(waiting, total=None)

        def tell(done: Progress) -> None:
            files = f"{done.files_done:,} of {done.files_total:,} files"
            bar.update(task, description=files, completed=done.bytes_done, total=done.bytes_total)

        yield tell


@contextmanager
def counting_bar(things: str) -> Iterator[Callable[[int, int], None]]:
    """A bar that counts on stderr for as long as the block lasts; it is told how many are done, and how many there are.

    :param things: what is counted
    """
    if not sys.stderr.isatty():
        yield lambda _done, _total: None
        return
    from rich import progress

    class Rate(progress.ProgressColumn):
        def render(self, task: progress.Task) -> str:
            return "" if task.speed is None else f"{task.speed:,.0f}/s"

    with _bar(Rate()) as bar:
        task = bar.add_task(f"looking for {things}", total=None)
        yield lambda done, total: bar.update(
            task, description=f"{done:,} of {total:,} {things}", completed=done, total=total
        )


@contextmanager
def _bar(*columns: "ProgressColumn") -> "Iterator[Bar]":
    from rich import progress
    from rich.console import Console

    bar = progress.Progress(
        progress.TextColumn("{task.description}"),
        progress.BarColumn(),
        *columns,
        progress.TimeRemainingColumn(),
        console=Console(stderr=True),
        redirect_stdout=False,
        transient=True,
    )
    with bar:
        yield bar
