"""The command ``lora-manager deactivate``."""

import click

from lora_manager.app.application import Application
from lora_manager.cli.lookup import find_one
from lora_manager.cli.loras import Published
from lora_manager.cli.options import json_option, lora_argument
from lora_manager.cli.output import say
from lora_manager.cli.session import Session


@click.command("deactivate")
@lora_argument
@json_option
@click.pass_obj
def command(session: Session, *, reference: str, as_json: bool) -> None:
    """Take a LoRA out of the composition.

    It keeps its ordinal for the next time.
    """

    async def deactivate(application: Application) -> Published:
        lora = await find_one(application, reference)
        return await Published.of(application, [await application.deactivate_lora(lora.id)])

    deactivated = session.run(deactivate)
    if as_json:
        deactivated.print_first_as_json()
    else:
        say(f"{deactivated.loras[0].name} is not active")
