"""The command ``lora-manager worker``."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

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
@click.option(
    "--metrics-port", type=click.IntRange(0, 65535), help="Serve /metrics there, for Prometheus.  0: any free port."
)
@click.option(
    "--metrics-host", default="127.0.0.1", show_default=True, help="The address for them; no key is asked for there."
)
@click.pass_obj
def command(session: Session, *, metrics_port: int | None, metrics_host: str) -> None:
    """Send what was accepted for delivery, until Ctrl-C or SIGTERM.

    Any number of workers, on any number of machines, share the work of one database. What is being sent when one is
    stopped gets a few seconds to end; what has not ended by then goes to another worker.
    """
    from lora_manager.event_loop import loop_factory

    settings = session.start(log_level="info")

    async def work(application: Application) -> None:
        await check_parts(application.parts)
        async with (
            _metrics_served(application, metrics_host, metrics_port) as metrics_url,
            doing(application.chores),
            application.open_worker() as worker,
        ):
            with stopped_by_signals() as stop:
                _greet(settings, worker.name)
                if metrics_url is not None:
                    say(f"Metrics are at {metrics_url}.")
                await worker.run(stop)

    session.run(work, settings, loop_factory, is_measured=metrics_port is not None)


@asynccontextmanager
async def _metrics_served(application: Application, host: str, listen_port: int | None) -> AsyncIterator[str | None]:
    """The URL of this process's metrics, for as long as the block lasts; None where nobody asked for them."""
    if listen_port is None:
        yield None
        return
    from lora_manager.container.metrics_server import serving_metrics

    async with serving_metrics(application.metrics, application.figures, host, listen_port) as actual_port:
        yield f"http://{f'[{host}]' if ':' in host else host}:{actual_port}/metrics"


def _greet(settings: Settings, name: str) -> None:
    say(f"lora-manager {__version__}: the worker {name}. Ctrl-C stops it.")
    say(f"Deliveries are taken from {mask_url(settings.database_url)}, {settings.worker_concurrency} at once.")
    if settings.queue_url is None:
        say("It looks for new ones every second; QUEUE_URL names a broker that tells it at once.")
    else:
        say(f"{mask_url(settings.queue_url)} tells it of new ones.")
