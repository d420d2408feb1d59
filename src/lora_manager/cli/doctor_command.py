"""The command ``lora-manager doctor``."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence

import click

from lora_manager.cli.options import json_option
from lora_manager.cli.output import print_json, say, visible
from lora_manager.cli.session import Session
from lora_manager.ports.diagnosis import Check, Diagnosis, Health

_MARKS = {Health.GOOD: ("ok", "green"), Health.DOUBTFUL: ("look", "yellow"), Health.BAD: ("FAIL", "bold red")}
_WIDTH = 6  # of the column with the marks


@click.command("doctor")
@json_option
@click.pass_obj
def command(session: Session, *, as_json: bool) -> None:
    """Look whether all that is needed is well, and say what to do.

    It looks at the database, the library, the data folder, the disks, the bucket, the metadata store, the queue,
    CivitAI, the runtimes, the commands and the API keys, takes 15 seconds at most, and changes nothing. The exit code
    is 1 if anything is bad, and 0 otherwise, also where something is doubtful.
    """
    from lora_manager.container.doctor import checks_of

    checks = checks_of(session.start())
    found = asyncio.run(_look(checks, _ignore if as_json else _printer()))
    counts = Counter(diagnosis.health for diagnosis in found)
    if as_json:
        _print_as_json(found, counts)
    else:
        say()
        say(f"{counts[Health.GOOD]} good, {counts[Health.DOUBTFUL]} doubtful, {counts[Health.BAD]} bad")
    if counts[Health.BAD]:
        raise click.exceptions.Exit(1)


async def _look(checks: Sequence[Check], tell: Callable[[Diagnosis], None]) -> Sequence[Diagnosis]:
    """What all checks find, looking at the same time; each finding is told as soon as those before it have been."""
    found: list[Diagnosis] = []
    looking = [asyncio.ensure_future(check.look()) for check in checks]
    try:
        for task in looking:
            for diagnosis in await task:
                tell(diagnosis)
                found.append(diagnosis)
    finally:
        for task in looking:
            task.cancel()
        await asyncio.gather(*looking, return_exceptions=True)
    return found


def _ignore(_: Diagnosis) -> None:
    """Whoever wants JSON gets all of it at the end."""


def _printer() -> Callable[[Diagnosis], None]:
    """Prints a finding, and what to do on a line of its own; in colours on a terminal."""
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False)

    def tell(diagnosis: Diagnosis) -> None:
        mark, style = _MARKS[diagnosis.health]
        told = visible(f"{diagnosis.subject}: {diagnosis.finding}")
        console.print(Text.assemble((f"{mark:<{_WIDTH}}", style), told), soft_wrap=True)
        if diagnosis.advice is not None:
            console.print(Text(f"{'':<{_WIDTH}}-> {visible(diagnosis.advice)}"), soft_wrap=True)

    return tell


def _print_as_json(found: Sequence[Diagnosis], counts: Counter[Health]) -> None:
    worst = next(health for health in (Health.BAD, Health.DOUBTFUL, Health.GOOD) if counts[health])
    print_json({"findings": found, "health": worst})
