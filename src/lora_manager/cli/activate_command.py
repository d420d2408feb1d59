"""The command ``lora-manager activate``."""

import click

from lora_manager.app.application import Application
from lora_manager.cli.lookup import find_one
from lora_manager.cli.loras import Published, place
from lora_manager.cli.options import json_option, lora_argument
from lora_manager.cli.output import say
from lora_manager.cli.session import Session


@click.command("activate")
@lora_argument
@click.option("--ordinal", type=int, help="Its place; without it, it keeps the one it has.")
@json_option
@click.pass_obj
def command(session: Session, *, reference: str, ordinal: int | None, as_json: bool) -> None:
    """Take a LoRA into the composition.

    LoRAs are composed by their ordinals, those without one last, by name. Activating an active LoRA changes nothing but
    its place.
    """

    async def activate(application: Application) -> Published:
        lora = await find_one(application, reference)
        return await Published.of(application, [await application.activate_lora(lora.id, ordinal)])

    activated = session.run(activate)
    if as_json:
        activated.print_first_as_json()
    else:
        [lora] = activated.loras
        say(f"{lora.name} is active, place {place(lora)}")
