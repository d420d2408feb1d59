"""The command ``lora-manager list``."""

from dataclasses import replace

import click

from lora_manager.app.application import Application
from lora_manager.cli.loras import Published, print_loras
from lora_manager.cli.options import json_option
from lora_manager.cli.output import print_json, say
from lora_manager.cli.session import Session
from lora_manager.domain.file.record import FileState
from lora_manager.domain.selection import MAX_LIMIT, Order, OrderField, Page, Selection


@click.command("list")
@click.option("--active/--inactive", default=None, help="Only those in the composition, or only the others.")
@click.option("--tag", "tags", multiple=True, help="Carries this tag; repeat it: all of them.")
@click.option("--any-tag", "any_tags", multiple=True, metavar="TAG", help="Repeat it: carries at least one of them.")
@click.option("--not-tag", "not_tags", multiple=True, metavar="TAG", help="Repeat it: carries none of them.")
@click.option("--q", "words", default="", help="Words that all occur in the name, title, tags or triggers.")
@click.option("--base-model", help="Made for this family: sd1, sdxl, flux, ...")
@click.option(
    "--file-state",
    type=click.Choice([state.value for state in FileState]),
    help="What the last look at the file found.",
)
@click.option(
    "--order-by",
    default="name",
    show_default=True,
    help=f"One of {', '.join(OrderField)}; - in front reverses.",
)
@click.option("--limit", type=click.IntRange(1, MAX_LIMIT), default=100, show_default=True, help="How many at most.")
@click.option("--all", "everything", is_flag=True, help="All of them, however many there are.")
@json_option
@click.pass_obj
def command(
    session: Session,
    *,
    active: bool | None,
    tags: tuple[str, ...],
    any_tags: tuple[str, ...],
    not_tags: tuple[str, ...],
    words: str,
    base_model: str | None,
    file_state: str | None,
    order_by: str,
    limit: int,
    everything: bool,
    as_json: bool,
) -> None:
    """List the registered LoRAs.

    Every filter that is given must hold. The place is that in the composition; it is empty for a LoRA that is not
    active, and - for one that is active without an ordinal.
    """
    selection = Selection(
        active=active,
        tags=tags,
        any_tags=any_tags,
        not_tags=not_tags,
        words=tuple(words.split()),
        base_model=base_model,
        file_state=None if file_state is None else FileState(file_state),
        order=Order.parse(order_by),
        limit=MAX_LIMIT if everything else limit,
    )

    async def select(application: Application) -> tuple[Page, Published]:
        page = await application.catalog.page(selection)
        while everything and page.next_cursor is not None:
            more = await application.catalog.page(replace(selection, cursor=page.next_cursor))
            page = replace(more, items=(*page.items, *more.items))
        return page, await Published.of(application, page.items if as_json else ())

    page, published = session.run(select)
    if as_json:
        _print_page(page, published, limit=len(page.items) if everything else limit)
        return
    print_loras(page.items)
    if len(page.items) < page.total:
        say()
        say(f"{len(page.items):,} of {page.total:,}; --all lists all of them")


def _print_page(page: Page, published: Published, *, limit: int) -> None:
    from lora_manager.http.schemas.listing import AdapterPage

    next_cursor = None if page.next_cursor is None else page.next_cursor.text
    print_json(AdapterPage(published.resources(), page.total, limit, 0, next_cursor))
