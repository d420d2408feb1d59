"""The bar that shows how far a scan is."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from lora_manager.domain.scan import Progress


@contextmanager
def progress_bar() -> Iterator[Callable[[Progress], None]]:
    """A bar on stderr for as long as the block lasts, and what to tell it; where stderr is no terminal, nothing."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich import progress
    from rich.console import Console

    bar = progress.Progress(
        progress.TextColumn("{task.description}"),
        progress.BarColumn(),
        progress.DownloadColumn(),
        progress.TransferSpeedColumn(),
        progress.TimeRemainingColumn(),
        console=Console(stderr=True),
        redirect_stdout=False,
        transient=True,
    )
    with bar:
        task = bar.add_task("looking for files", total=None)

        def tell(done: Progress) -> None:
            files = f"{done.files_done:,} of {done.files_total:,} files"
            bar.update(task, description=files, completed=done.bytes_done, total=done.bytes_total)

        yield tell
