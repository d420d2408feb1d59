"""What several commands take."""

import click

from lora_manager.domain.trigger import TriggerChoice

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, as the REST API writes it.")
lora_argument = click.argument("reference", metavar="ID_OR_NAME")
dialect_option = click.option(
    "--dialect", help="How the runtime wants to be told: a1111, sdnext, comfyui-lora-manager, sdcpp."
)
triggers_option = click.option(
    "--triggers",
    type=click.Choice([choice.value for choice in TriggerChoice]),
    default=TriggerChoice.NONE.value,
    show_default=True,
    help="Which trigger words to add.",
)
