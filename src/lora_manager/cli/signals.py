"""What a command that goes on until it is told to stop does about signals."""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import click

from lora_manager.cli.failures import Failed

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def stopped_by_signals() -> Iterator[asyncio.Event]:
    """Take the signals to stop for as long as the block lasts.

    :return: set by the first one; the second one cancels the task that the block is in
    :raises Failed: the second one came
    """
    loop, task, stop = asyncio.get_running_loop(), asyncio.current_task(), asyncio.Event()

    def on_stop() -> None:
        if not stop.is_set():
            click.echo("Stopping: what is being sent gets a few seconds to end; once more stops at once.", err=True)
            stop.set()
        elif task is not None:
            task.cancel()

    def on_signal(*_: object) -> None:
        loop.call_soon_threadsafe(on_stop)

    # asyncio's own add_signal_handler does not exist on Windows.
    before = {number: signal.signal(number, on_signal) for number in _SIGNALS}
    try:
        yield stop
    except asyncio.CancelledError as error:
        raise Failed(
            "stopped at once; what was being sent goes to another worker when the lease of this one has run out"
        ) from error
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
