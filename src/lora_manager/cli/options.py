"""What several commands take."""

import click

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, as the REST API writes it.")
lora_argument = click.argument("reference", metavar="ID_OR_NAME")
