"""The command ``lora-manager deliver``."""

import asyncio
import sys

import click

from lora_manager.app.application import Application
from lora_manager.app.deliveries.deliver_composition import Destination
from lora_manager.app.deliveries.enqueue_delivery import EnqueueDeliveryCommand
from lora_manager.app.prompts.compose_prompt import ComposePromptCommand
from lora_manager.cli.deliveries import print_accepted, print_delivery
from lora_manager.cli.delivery_progress import delivery_progress
from lora_manager.cli.failures import Failed
from lora_manager.cli.options import dialect_option, json_option, triggers_option
from lora_manager.cli.output import warn
from lora_manager.cli.params import read_params
from lora_manager.cli.session import Session
from lora_manager.cli.signals import stopped_by_signals
from lora_manager.domain.delivery import FINAL, Delivery, Mode, Status
from lora_manager.domain.delivery.limits import DEFAULT_ATTEMPTS, DEFAULT_TIMEOUT_S
from lora_manager.domain.trigger import TriggerChoice

_NO_TRIGGERS = TriggerChoice.NONE.value


@click.command("deliver")
@click.argument("prompt", required=False)
@click.option(
    "--mode", required=True, type=click.Choice([mode.value for mode in Mode]), help="The kind of runtime it goes to."
)
@click.option(
    "--param",
    "pairs",
    multiple=True,
    metavar="KEY=VALUE",
    help="Tell the runtime's place, and more; repeat it. VALUE is JSON or text, or @FILE with JSON; KEY may be a.b.c.",
)
@click.option("--params", "source", metavar="FILE", help="A JSON object of parameters; - reads it from stdin.")
@click.option("--max-attempts", type=int, default=DEFAULT_ATTEMPTS, show_default=True, help="How often to try at most.")
@click.option(
    "--timeout-s", type=float, default=DEFAULT_TIMEOUT_S, show_default=True, help="Seconds that one attempt may take."
)
@click.option("--compose", "composes", is_flag=True, help="Send PROMPT followed by the active LoRAs.")
@dialect_option
@triggers_option
@click.option("--detach", is_flag=True, help="Leave the sending to a service or a worker, and print the delivery's id.")
@json_option
@click.pass_obj
def command(
    session: Session,
    *,
    prompt: str | None,
    mode: str,
    pairs: tuple[str, ...],
    source: str | None,
    max_attempts: int,
    timeout_s: float,
    composes: bool,
    dialect: str | None,
    triggers: str,
    detach: bool,
    as_json: bool,
) -> None:
    """Send a prompt to a runtime, and follow it to its end.

    - as PROMPT reads it from stdin. What is accepted is stored first: it is sent even if this command is stopped, by
    the next service or worker on the same database.
    """
    _check_usage(prompt, source, composes=composes, says_how=dialect is not None or triggers != _NO_TRIGGERS)
    text = _read_prompt(prompt or "")
    destination = Destination(
        mode=Mode(mode), params=read_params(source, pairs), max_attempts=max_attempts, timeout_s=timeout_s
    )
    composing = ComposePromptCommand(prefix=text, dialect=dialect, triggers=TriggerChoice(triggers))

    async def accept(application: Application) -> Delivery:
        if composes:
            return await _enqueue_composed(application, composing, destination)
        return await _enqueue(application, text, destination)

    async def deliver(application: Application) -> Delivery:
        with stopped_by_signals() as stop:
            delivery = await accept(application)
            await _send(application, delivery, stop)
        return await application.deliveries.get(delivery.id)

    if detach:
        print_accepted(session.run(accept), as_json=as_json)
        return
    delivery = session.run(deliver)
    print_delivery(delivery, as_json=as_json)
    if delivery.status is not Status.SUCCEEDED:
        raise Failed(_why_not(delivery))


def _check_usage(prompt: str | None, source: str | None, *, composes: bool, says_how: bool) -> None:
    """Whether the options go together.

    :param says_how: whether one of them says how to compose
    """
    if says_how and not composes:
        raise click.UsageError("--dialect and --triggers say how to compose: they need --compose")
    if prompt is None and not composes:
        raise click.UsageError("PROMPT is missing; - reads it from stdin, --compose takes the active LoRAs alone")
    if prompt == source == "-":
        raise click.UsageError("stdin holds either PROMPT or --params")


async def _enqueue(application: Application, prompt: str, destination: Destination) -> Delivery:
    return await application.enqueue_delivery(
        EnqueueDeliveryCommand(
            prompt=prompt,
            mode=destination.mode,
            params=destination.params,
            max_attempts=destination.max_attempts,
            timeout_s=destination.timeout_s,
        )
    )


async def _enqueue_composed(
    application: Application, composing: ComposePromptCommand, destination: Destination
) -> Delivery:
    composition, delivery = await application.deliver_composition(composing, destination)
    for warning in composition.warnings:
        warn(warning.message)
    return delivery


def _read_prompt(prompt: str) -> str:
    """The prompt, or what stdin holds of it; bytes that are no UTF-8 are refused later, as in an argument."""
    if prompt != "-":
        return prompt
    return sys.stdin.buffer.read().decode(errors="surrogateescape").removesuffix("\n")


async def _send(application: Application, delivery: Delivery, stop: asyncio.Event) -> None:
    """Work on the delivery, and follow whoever does, to its end or until told to stop."""

    async def follow() -> None:
        try:
            with delivery_progress(delivery) as tell:
                async for latest in application.watch_delivery(delivery.id):
                    tell(latest)
        finally:
            stop.set()

    following = asyncio.create_task(follow())
    try:
        async with application.open_worker() as worker:
            await worker.run(stop, only=delivery.id)
    finally:
        following.cancel()
        await asyncio.wait({following})
    if not following.cancelled():
        following.result()


def _why_not(delivery: Delivery) -> str:
    if delivery.status not in FINAL:
        place = f"localhost:8000/deliveries/{delivery.id}"
        return (
            f"interrupted; the delivery is {delivery.status}, and the next service or worker on this database goes on "
            f"with it: curl {place} shows it there, curl -X POST {place}/cancel ends it"
        )
    if delivery.status is Status.FAILED and delivery.error is not None:
        return f"the delivery failed ({delivery.error.code}): {delivery.error.message}"
    return f"the delivery was {delivery.status}"
