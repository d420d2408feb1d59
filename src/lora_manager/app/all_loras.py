"""Going through the whole registry."""

from collections.abc import AsyncGenerator

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
