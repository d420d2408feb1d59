"""The command ``lora-manager worker``."""

import click

from lora_manager import __version__
from lora_manager.app.application import Application
from lora_manager.app.chore import doing
from lora_manager.app.parts import check_parts
from lora_manager.cli.output import say
from lora_manager.cli.session import Session
from lora_manager.cli.signals import stopped_by_signals
from lora_manager.settings import Settings, mask_url


@click.command("worker")
@click.pass_obj
def command(session: Session) -> None:
    """Send what was accepted for delivery, until Ctrl-C or SIGTERM.

    Any number of workers, on any number of machines, share the work of one database. What is being sent when one is
    stopped gets a few seconds to end; what has not ended by then goes to another worker.
    """
    from lora_manager.event_loop import loop_factory

    settings = session.start(log_level="info")

    async def work(application: Application) -> None:
        await check_parts(application.parts)
        async with doing(application.chores), application.open_worker() as worker:
            with stopped_by_signals() as stop:
                _greet(settings, worker.name)
                await worker.run(stop)

    session.run(work, settings, loop_factory)


def _greet(settings: Settings, name: str) -> None:
    say(f"lora-manager {__version__}: the worker {name}. Ctrl-C stops it.")
    say(f"Deliveries are taken from {mask_url(settings.database_url)}, {settings.worker_concurrency} at once.")
    if settings.queue_url is None:
        say("It looks for new ones every second; QUEUE_URL names a broker that tells it at once.")
    else:
        say(f"{mask_url(settings.queue_url)} tells it of new ones.")
