"""What was arranged of the active LoRAs, kept for as long as they stay as they are."""

from collections.abc import Sequence

from lora_manager.domain.lora import Lora
from lora_manager.domain.prompt import Arrangement, CompositionOptions, active_members, arrange
from lora_manager.ports.catalog import LoraCatalog

MAX_KEPT = 64  # dialects, base models and so on that are asked for in turn


class ActiveArrangements:
    """Arranges the active LoRAs, once for each way to.

    A prompt is asked for again and again with other text around the same LoRAs. A catalog that knows that nothing was
    committed gives the very same LoRAs again; whatever it gives anew is arranged anew.
    """

    def __init__(self, catalog: LoraCatalog) -> None:
        self._catalog = catalog
        self._active: Sequence[Lora] = ()
        self._kept: dict[object, Arrangement] = {}

    async def get(self, options: CompositionOptions) -> Arrangement:
        """The active LoRAs, arranged.

        :raises NotWritable: the dialect has no way to write one of them
        """
        active = await self._catalog.active()
        if active is not self._active or len(self._kept) >= MAX_KEPT:
            self._active, self._kept = active, {}
        arrangement = self._kept.get(options.of_arrangement)
        if arrangement is None:
            arrangement = self._kept[options.of_arrangement] = arrange(active_members(active), options)
        return arrangement
