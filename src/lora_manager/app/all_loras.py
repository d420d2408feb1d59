"""Going through the whole registry."""

from collections.abc import AsyncGenerator, Sequence
from uuid import UUID

from lora_manager.domain.errors import LoraNotFound
from lora_manager.domain.lora import Lora
from lora_manager.domain.selection import Order, OrderField, Selection
from lora_manager.ports.catalog import LoraCatalog

_PAGE = 500
_OLDEST_FIRST = Order(OrderField.CREATED_AT)  # which no change moves to another place


async def all_loras(catalog: LoraCatalog) -> AsyncGenerator[Lora, None]:
    """Every LoRA that is not deleted, oldest first, read page by page."""
    selection: Selection | None = Selection(order=_OLDEST_FIRST, limit=_PAGE)
    while selection is not None:
        page = await catalog.page(selection)
        for lora in page.items:
            yield lora
        cursor = page.next_cursor
        selection = None if cursor is None else Selection(order=_OLDEST_FIRST, limit=_PAGE, cursor=cursor)


async def chosen_loras(catalog: LoraCatalog, lora_ids: Sequence[UUID]) -> list[Lora]:
    """The LoRAs with these ids, in canonical order; without any, all there are.

    :raises LoraNotFound: one of them does not exist or was deleted
    """
    if not lora_ids:
        return [lora async for lora in all_loras(catalog)]
    found = {lora.id: lora for lora in await catalog.find(ids=lora_ids)}
    for lora_id in lora_ids:
        if lora_id not in found:
            raise LoraNotFound(lora_id)
    return list(found.values())
