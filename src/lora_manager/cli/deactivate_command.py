"""The command ``lora-manager deactivate``."""

import click

from lora_manager.app.application import Application
from lora_manager.cli.lookup import find_one
from lora_manager.cli.loras import print_lora_as_json
from lora_manager.cli.options import json_option, lora_argument
from lora_manager.cli.output import say
from lora_manager.cli.session import Session
from lora_manager.domain.lora import Lora


@click.command("deactivate")
@lora_argument
@json_option
@click.pass_obj
def command(session: Session, *, reference: str, as_json: bool) -> None:
    """Take a LoRA out of the composition.

    It keeps its ordinal for the next time.
    """

    async def deactivate(application: Application) -> Lora:
        lora = await find_one(application, reference)
        return await application.deactivate_lora(lora.id)

    lora = session.run(deactivate)
    if as_json:
        print_lora_as_json(lora)
    else:
        say(f"{lora.name} is not active")
