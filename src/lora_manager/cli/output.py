"""Text for people, JSON for machines."""

import re
from collections.abc import Sequence

import click

# Controls, which could drive the terminal; marks that reorder a line; halves of characters, which cannot be written.
_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def visible(text: str) -> str:
    """The text with everything in it that would not show, or would drive the terminal, written as an escape."""
    return _UNSAFE.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


def say(text: str = "") -> None:
    """One line on stdout."""
    click.echo(visible(text))


def warn(text: str) -> None:
    """One line on stderr, where it does not get into what stdout is used for."""
    click.echo(f"Warning: {visible(text)}", err=True)


def print_json(content: object) -> None:
    """The content (of ``lora_manager.http.schemas``) on stdout, as the REST API writes it, but indented."""
    import msgspec

    click.echo(msgspec.json.format(msgspec.json.encode(content)))


def print_table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Rows on stdout; a terminal that is too narrow folds them, anything else gets a line for each."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = 1_000_000
    table = Table(box=None, pad_edge=False)
    for title in titles:
        table.add_column(title, overflow="fold")
    for row in rows:
        table.add_row(*(Text(visible(cell)) for cell in row))
    console.print(table)
