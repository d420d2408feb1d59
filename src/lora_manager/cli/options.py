"""What several commands take."""

import click

from lora_manager.domain.trigger import TriggerChoice

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, as the REST API writes it.")
dry_run_option = click.option("--dry-run", is_flag=True, help="Show what would happen, and change nothing.")
overwrite_option = click.option("--overwrite", is_flag=True, help="Replace files that differ.")
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
