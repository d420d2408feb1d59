"""Look at a LoRA's file again."""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from lora_manager.app.change import change_lora
from lora_manager.app.library.inspect_file import InspectFile
from lora_manager.domain.errors import FileMissing, InvalidFile
from lora_manager.domain.file.record import FileState
from lora_manager.domain.lora import Change, Lora
from lora_manager.domain.settle import read_again, with_state
from lora_manager.ports.catalog import LoraCatalog
from lora_manager.ports.clock import Clock
from lora_manager.ports.event_log import EventLog
from lora_manager.ports.unit_of_work import BeginUnitOfWork


@dataclass(frozen=True, slots=True)
class VerifyLora:
    """Read a LoRA's file again, from its first byte to its last, and record what was found.

    The file's state becomes `present`; `changed` when its content is another than the one last verified (verifying once
    more accepts the new content); `missing`; or `unreadable`, with the reason.
    """

    begin: BeginUnitOfWork
    catalog: LoraCatalog
    inspect: InspectFile
    clock: Clock
    log: EventLog

    async def __call__(self, lora_id: UUID, *, crc32: bool = False, blake3: bool = False) -> Lora:
        """Verify and return it, with CRC-32 and BLAKE3 where asked for (once taken, they stay while the content does).

        :raises LoraNotFound: it does not exist or was deleted
        """
        path = (await self.catalog.get(lora_id)).file_path
        verdict = await self._look(path, crc32=crc32, blake3=blake3)
        return await change_lora(self.begin, self.log, lora_id, verdict)

    async def _look(self, path: str, *, crc32: bool, blake3: bool) -> "_Verdict":
        try:
            found, inspected = await self.inspect(path, crc32=crc32, blake3=blake3)
        except FileMissing:
            return lambda lora: with_state(lora, FileState.MISSING, now=self.clock.now())
        except InvalidFile as error:
            reason = str(error)
            return lambda lora: with_state(lora, FileState.UNREADABLE, reason, now=self.clock.now())
        return lambda lora: read_again(lora, found, inspected, now=self.clock.now())


_Verdict = Callable[[Lora], Change]
