"""A file as CivitAI publishes it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from lora_manager.domain.civitai.values import entries_of, line_of, object_of

_HEX = re.compile(r"[0-9a-f]{8,64}")
_CLEAN = "Success"  # Source: civitai packages/civitai-db-schema/src/enums.ts, ScanResultCode


@dataclass(frozen=True, slots=True, kw_only=True)
class CivitaiFile:
    """One file of a model version.

    :param hashes: lower-case hexadecimal by kind: sha256, autov1, autov2, autov3, crc32, blake3; those it has
    :param virus_scan: ``Success``, ``Danger``, ``Error`` or ``Pending``, as CivitAI spells it
    :param pickle_scan: the same of the search for code in it
    """

    name: str | None = None
    hashes: Mapping[str, str] = field(default_factory=dict, hash=False)
    virus_scan: str | None = None
    pickle_scan: str | None = None

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the scans say, where they do not say that all is well."""
        scans = (("virus", self.virus_scan), ("pickle", self.pickle_scan))
        return tuple(f"{kind} scan: {result}" for kind, result in scans if result not in {None, _CLEAN})


def read_files(value: object) -> tuple[CivitaiFile, ...]:
    """The files that ``files`` lists."""
    return tuple(_read(object_of(entry)) for entry in entries_of(value) if isinstance(entry, dict))


def _read(file: Mapping[str, object]) -> CivitaiFile:
    return CivitaiFile(
        name=line_of(file.get("name")),
        hashes=_hashes(object_of(file.get("hashes"))),
        virus_scan=line_of(file.get("virusScanResult")),
        pickle_scan=line_of(file.get("pickleScanResult")),
    )


def _hashes(hashes: Mapping[str, object]) -> Mapping[str, str]:
    texts = ((kind.lower(), value.lower()) for kind, value in hashes.items() if isinstance(value, str))
    return {kind: value for kind, value in texts if _HEX.fullmatch(value)}
