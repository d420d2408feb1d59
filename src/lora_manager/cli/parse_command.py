"""The command ``lora-manager parse``."""

import os
import sys

import click

from lora_manager.app.application import Application
from lora_manager.app.prompts.parse_prompt import ResolvedPrompt
from lora_manager.cli.loras import Published
from lora_manager.cli.options import json_option
from lora_manager.cli.output import print_json, print_table, say
from lora_manager.cli.session import Session
from lora_manager.domain.prompt import format_weight


@click.command("parse")
@click.argument("prompt")
@click.option("--dialect", help="How the prompt is written: a1111, sdnext, comfyui-lora-manager.")
@json_option
@click.pass_obj
def command(session: Session, *, prompt: str, dialect: str | None, as_json: bool) -> None:
    """Take a prompt apart: its text, the LoRAs in it, and which of them are registered.

    - as PROMPT reads it from stdin.
    """
    raw = sys.stdin.buffer.read() if prompt == "-" else os.fsencode(prompt)
    text = raw.decode(errors="backslashreplace")

    async def parse(application: Application) -> tuple[ResolvedPrompt, Published]:
        resolved = await application.parse_prompt(text, dialect)
        return resolved, await Published.of(application, resolved.loras)

    resolved, published = session.run(parse)
    if as_json:
        _print_as_json(resolved, published)
    else:
        _print(resolved)


def _print(resolved: ResolvedPrompt) -> None:
    say(resolved.text)
    if resolved.tags:
        say()
        rows = [
            (
                tag.name,
                format_weight(tag.weight),
                "" if tag.te_weight is None else format_weight(tag.te_weight),
                "no" if tag.name in resolved.unresolved else "yes",
            )
            for tag in resolved.tags
        ]
        print_table(("name", "weight", "te weight", "registered"), rows)


def _print_as_json(resolved: ResolvedPrompt, published: Published) -> None:
    from lora_manager.http.schemas.prompts import ParseAnswer, TagResource

    tags = TagResource.all_of(resolved)
    print_json(ParseAnswer(resolved.text, tags, published.resources(), resolved.unresolved))
