"""LoRAs that were read before."""

from collections import OrderedDict
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
        self._loras: OrderedDict[int, Lora] = OrderedDict()  # the hash of a UUID is computed in Python, each time
        self._lock = Lock()

    def load(self, run: Run, held: Rows) -> list[Lora]:
        """The LoRAs with these ids and revisions, in this order.

        :raises TooLong: too many have to be read for the event loop to wait
        """
        with self._lock:
            found = [self._at_hand(lora_id, revision) for lora_id, revision in held]
        missing = [lora_id for (lora_id, _), lora in zip(held, found, strict=True) if lora is None]
        read = self._read(run, missing) if missing else {}
        return [lora or read[lora_id] for (lora_id, _), lora in zip(held, found, strict=True)]

    def _at_hand(self, lora_id: UUID, revision: int) -> Lora | None:
        lora = self._loras.get(lora_id.int)
        if lora is None or lora.revision != revision:
            return None
        self._loras.move_to_end(lora_id.int)
        return lora

    def _read(self, run: Run, lora_ids: list[UUID]) -> dict[UUID, Lora]:
        if run.holds_the_loop and len(lora_ids) > _QUICK_ROWS:
            raise TooLong
        read = {lora.id: lora for lookup in whole(lora_ids) for lora in map(from_row, run(*lookup))}
        with self._lock:
            for lora_id, lora in read.items():
                self._loras[lora_id.int] = lora
                self._loras.move_to_end(lora_id.int)
            while len(self._loras) > self._size:
                self._loras.popitem(last=False)
        return read
