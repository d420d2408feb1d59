"""How a delivery is followed in a terminal."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import click

from lora_manager.cli.output import visible
from lora_manager.domain.delivery import Delivery, Happening, Status


@contextmanager
def delivery_progress(delivery: Delivery) -> Iterator[Callable[[Delivery], None]]:
    """What to tell of each change: a line on stderr that changes, or where that is no terminal, one for each event."""
    if not sys.stderr.isatty():
        yield _Lines().tell
        return
    from rich.console import Console
    from rich.live import Live
    from rich.spinner import Spinner
    from rich.text import Text

    spinner = Spinner("dots")

    def draw() -> Spinner:
        spinner.update(text=Text(visible(standing(delivery, datetime.now(UTC)))))
        return spinner

    def tell(latest: Delivery) -> None:
        nonlocal delivery
        delivery = latest

    with Live(get_renderable=draw, console=Console(stderr=True), transient=True, redirect_stdout=False):
        yield tell


def standing(delivery: Delivery, now: datetime) -> str:
    """Where the delivery stands, in one line."""
    parts: list[str] = [delivery.status]
    if delivery.fence:
        parts.append(f"attempt {delivery.fence} of {delivery.fence + delivery.attempts_left}")
    if delivery.status is Status.RUNNING and delivery.progress.fraction is not None:
        parts.append(f"{delivery.progress.fraction:.0%}")
    if delivery.status is Status.RUNNING and delivery.progress.detail is not None:
        parts.append(delivery.progress.detail)
    if delivery.status is Status.RETRYING and delivery.next_attempt_at is not None:
        wait = (delivery.next_attempt_at - now).total_seconds()
        parts.append(f"the next in {max(wait, 0):.0f} s")
    line = ", ".join(parts)
    return line if delivery.error is None else f"{line}: {delivery.error.message}"


class _Lines:
    """A line for each event, those that came and went between two looks too."""

    def __init__(self) -> None:
        self._told = 0

    def tell(self, delivery: Delivery) -> None:
        for happening in delivery.history[self._told :]:
            click.echo(visible(_line(happening)), err=True)
        self._told = len(delivery.history)


def _line(happening: Happening) -> str:
    attempt = "" if happening.attempt is None else f", attempt {happening.attempt}"
    reason = "" if happening.error is None else f": {happening.error.message}"
    return f"{happening.name}{attempt}{reason}"
