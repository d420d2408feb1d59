"""The command ``lora-manager compose``."""

from collections.abc import Sequence
from uuid import UUID

import click

from lora_manager.app.application import Application
from lora_manager.app.prompts.compose_prompt import ComposePromptCommand, MemberReference
from lora_manager.cli.lookup import as_id
from lora_manager.cli.options import dialect_option, json_option, triggers_option
from lora_manager.cli.output import print_json, warn
from lora_manager.cli.session import Session
from lora_manager.domain.prompt import Composition, Dedupe
from lora_manager.domain.trigger import TriggerChoice


@click.command("compose")
@click.option("--prefix", default="", help="Text before the LoRAs.")
@click.option("--suffix", default="", help="Text after the LoRAs and their triggers.")
@click.option(
    "--adapter",
    "members",
    multiple=True,
    metavar="NAME_OR_ID[=WEIGHT]",
    help="Take this LoRA instead of the active ones; repeat it, in the order wanted.",
)
@dialect_option
@click.option("--separator", default=" ", help="What joins the parts.  [default: one space]")
@click.option("--base-model", help="Warn of LoRAs that were made for another family than this.")
@triggers_option
@click.option(
    "--dedupe",
    type=click.Choice([choice.value for choice in Dedupe]),
    default=Dedupe.HIGHEST_WEIGHT.value,
    show_default=True,
    help="Which of several LoRAs of one name stays.",
)
@json_option
@click.pass_obj
def command(
    session: Session,
    *,
    prefix: str,
    suffix: str,
    members: tuple[str, ...],
    dialect: str | None,
    separator: str,
    base_model: str | None,
    triggers: str,
    dedupe: str,
    as_json: bool,
) -> None:
    """Turn LoRAs into a prompt: the active ones in their order, or those that --adapter names.

    The prompt goes to stdout and nothing else; warnings go to stderr. A name may hold =: what is registered under the
    whole text is meant, before a name and a weight are.
    """

    async def compose(application: Application) -> Composition:
        return await application.compose_prompt(
            ComposePromptCommand(
                prefix=prefix,
                suffix=suffix,
                members=await _references(application, members) if members else None,
                dialect=dialect,
                separator=separator,
                base_model=base_model,
                triggers=TriggerChoice(triggers),
                dedupe=Dedupe(dedupe),
            )
        )

    composition = session.run(compose)
    if as_json:
        from lora_manager.http.schemas.prompts import ComposeAnswer

        print_json(ComposeAnswer.of(composition))
        return
    for warning in composition.warnings:
        warn(warning.message)
    if composition.structured:
        warn("this dialect puts the LoRAs beside the prompt; --json shows them")
    click.echo(composition.prompt)


async def _references(application: Application, members: Sequence[str]) -> tuple[MemberReference, ...]:
    """The LoRAs and weights that these texts mean."""
    found = await application.catalog.find(names=[member for member in members if "=" in member])
    names = {lora.name for lora in found}
    return tuple(MemberReference(_id_or_name(member)) if member in names else _reference(member) for member in members)


def _reference(member: str) -> MemberReference:
    """``name=weight``; a text that does not end so is a name or an id alone."""
    name, _, weight = member.rpartition("=")
    try:
        return MemberReference(_id_or_name(name), float(weight))
    except ValueError:
        return MemberReference(_id_or_name(member))


def _id_or_name(text: str) -> UUID | str:
    return as_id(text) or text
