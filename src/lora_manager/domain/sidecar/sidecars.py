"""The sidecars of one LoRA file, of whichever tools."""

from collections.abc import Mapping
from enum import StrEnum

from lora_manager.domain.file.facts import Hashes
from lora_manager.domain.lora import Lora
from lora_manager.domain.sidecar.a1111 import read_a1111, write_a1111
from lora_manager.domain.sidecar.civitai_info import read_civitai_info, write_civitai_info
from lora_manager.domain.sidecar.document import Document, NotASidecar, read_document, write_document
from lora_manager.domain.sidecar.lora_manager import read_lora_manager, write_lora_manager
from lora_manager.domain.sidecar.names import A1111, CIVITAI_INFO, LORA_MANAGER, SIDECARS, stem_of_companion
from lora_manager.domain.sidecar.sieve import Sieve
from lora_manager.domain.sidecar.told import Told


class SidecarFormat(StrEnum):
    """Whose sidecar it is."""

    A1111 = "a1111"
    CIVITAI_INFO = "civitai-info"
    LORA_MANAGER = "lora-manager"

    @property
    def suffix(self) -> str:
        """How its file's name ends, after the stem of the LoRA file."""
        return {self.A1111: A1111, self.CIVITAI_INFO: CIVITAI_INFO, self.LORA_MANAGER: LORA_MANAGER}[self]


def read_sidecars(files: Mapping[str, bytes], hashes: Hashes) -> Told:
    """What sidecars say of a LoRA file, whatever is in them. Where two speak of the same, the first in SIDECARS counts.

    :param files: the content by file name; of one that is too large, more than ``MAX_BYTES`` suffice
    :param hashes: of the LoRA file
    """
    by_suffix = {found[1]: name for name in files if (found := stem_of_companion(name))}
    told = Told()
    for suffix in SIDECARS:
        if (name := by_suffix.get(suffix)) is not None:
            told = _joined(told, _read(suffix, name, files[name], hashes))
    return told


def write_sidecar(format: SidecarFormat, lora: Lora, existing: bytes | None = None) -> bytes:  # noqa: A002  # what it is
    """What to write beside a LoRA's file. What the LoRA does not know, and keys that are not ours, stay as they are.

    :param existing: what is there now
    :raises NotASidecar: that is something else
    :raises NothingToSay: it is to be CivitAI's answer, and CivitAI is not known to have the LoRA
    """
    known = {} if existing is None else read_document(existing)
    return write_document(_WRITERS[format](lora, known))


_WRITERS = {
    SidecarFormat.A1111: write_a1111,
    SidecarFormat.CIVITAI_INFO: write_civitai_info,
    SidecarFormat.LORA_MANAGER: write_lora_manager,
}


def _read(suffix: str, file_name: str, raw: bytes, hashes: Hashes) -> Told:
    sieve = Sieve(file_name)
    try:
        document = read_document(raw)
    except NotASidecar as error:
        return Told(problems=(f"{file_name} was not read: it {error.reason}",))
    told = _told(suffix, document, sieve, hashes)
    return Told(told.user, told.civitai, told.validation, tuple(sieve.problems))


def _told(suffix: str, document: Document, sieve: Sieve, hashes: Hashes) -> Told:
    if suffix == A1111:
        return read_a1111(document, sieve)
    if suffix == CIVITAI_INFO:
        return read_civitai_info(document, sieve, hashes)
    return read_lora_manager(document, sieve, hashes)


def _joined(first: Told, second: Told) -> Told:
    return Told(
        {**second.user, **first.user},
        {**second.civitai, **first.civitai},
        first.validation or second.validation,
        (*first.problems, *second.problems),
    )
