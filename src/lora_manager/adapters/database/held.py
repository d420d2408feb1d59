"""LoRAs that were read before."""

from threading import Lock
from uuid import UUID

from lora_manager.adapters.database.lookups import whole
from lora_manager.adapters.database.readers import Rows, Run, TooLong
from lora_manager.adapters.database.rows import from_row
from lora_manager.domain.lora import Lora

_QUICK_ROWS = 16  # reading a row and checking it takes some 30 microseconds


class HeldLoras:
    """Spares reading what is at hand, the least used forgotten first.

    Every change makes a new revision, so that a LoRA whose revision is the stored one is the stored one.

    :param size: LoRAs held at most
    """

    def __init__(self, size: int = 2_048) -> None:
        self._size = size
        self._loras: dict[UUID, Lora] = {}
        self._lock = Lock()

    def load(self, run: Run, held: Rows) -> list[Lora]:
        """The LoRAs with these ids and revisions, in this order.

        :raises TooLong: too many have to be read for the event loop to wait
        """
        found: dict[UUID, Lora] = {}
        missing: list[UUID] = []
        with self._lock:
            for lora_id, revision in held:
                lora = self._loras.pop(lora_id, None)
                if lora is not None and lora.revision == revision:
                    found[lora_id] = self._loras[lora_id] = lora
                else:
                    missing.append(lora_id)
        if missing:
            found |= self._read(run, missing)
        return [found[lora_id] for lora_id, _ in held]

    def _read(self, run: Run, lora_ids: list[UUID]) -> dict[UUID, Lora]:
        if run.holds_the_loop and len(lora_ids) > _QUICK_ROWS:
            raise TooLong
        read = {lora.id: lora for lookup in whole(lora_ids) for lora in map(from_row, run(*lookup))}
        with self._lock:
            self._loras |= read
            for lora_id in list(self._loras)[: max(0, len(self._loras) - self._size)]:
                del self._loras[lora_id]
        return read
