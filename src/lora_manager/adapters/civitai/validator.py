"""Looking files up on CivitAI."""

import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from typing import TypeAlias

from lora_manager.adapters.civitai.absent import AbsentHashes
from lora_manager.adapters.civitai.api import MOST_TOGETHER, SETTING, CivitaiApi, OddAnswer
from lora_manager.adapters.civitai.client import TIMEOUT_S, PacedClient
from lora_manager.adapters.civitai.pace import Pace
from lora_manager.adapters.civitai.verdicts import unverified
from lora_manager.adapters.outbound.client import OutboundClient
from lora_manager.domain.civitai.file import CivitaiFile
from lora_manager.domain.civitai.version import CivitaiVersion
from lora_manager.domain.file.record import FileRecord
from lora_manager.domain.lora import Lora, LoraFacts
from lora_manager.domain.validation import Validation, ValidationState
from lora_manager.ports.validator import Validator, Verdict

_AUTOV3_OF_NOTHING = "e3b0c44298fc"  # SHA-256 of no bytes, which some tools publish as a placeholder
_UNKNOWN = "nobody has published this file on CivitAI; what was published within the last hour may not be found yet"

_Judgement: TypeAlias = tuple[Validation, LoraFacts]


class CivitaiValidator(Validator):
    """Asks for each file by its SHA-256, and where nobody has published that, by AutoV3, the hash of its tensors.

    :param client: permitted to contact the site
    :param base_url: of the site, such as ``https://civitai.com``
    :param api_key: sent in a header only; looking up works without one
    :param clock: monotonic seconds, by which "not found" is remembered for an hour
    :param timeout_s: seconds for each request
    :raises InvalidInput: the key cannot be sent
    """

    def __init__(
        self,
        client: OutboundClient,
        base_url: str,
        api_key: str | None,
        pace: Pace,
        *,
        clock: Callable[[], float] = time.monotonic,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        base_url = base_url.rstrip("/")
        scheme, mark, rest = base_url.partition("://")
        authority, slash, path = rest.partition("/")
        self._site = scheme + mark + authority.rpartition("@")[2] + slash + path  # as it may be shown
        paced = PacedClient(client, pace, who="CivitAI", setting=SETTING, api_key=api_key, timeout_s=timeout_s)
        self._api = CivitaiApi(paced, base_url)
        self._absent = AbsentHashes(clock)

    async def ask(self, loras: Sequence[Lora]) -> AsyncGenerator[Verdict, None]:
        files: dict[str, FileRecord] = {}
        by_sha256: dict[str, list[Lora]] = {}
        for lora in loras:
            if lora.file is None:
                yield unverified(lora)
            else:
                files[lora.file.hashes.sha256] = lora.file
                by_sha256.setdefault(lora.file.hashes.sha256, []).append(lora)
        values = list(by_sha256)
        for start in range(0, len(values), MOST_TOGETHER):
            together = values[start : start + MOST_TOGETHER]
            known = await self._known(together)
            for value in sorted(together, key=lambda value: known.get(value) is None):  # what is found, at once
                validation, facts = await self._judge(files[value], known)
                for lora in by_sha256[value]:
                    yield Verdict(lora_id=lora.id, validation=validation, facts=facts)

    async def _known(self, values: Sequence[str]) -> Mapping[str, CivitaiVersion | None]:
        """What one request tells of many files, or earlier ones told."""
        known: dict[str, CivitaiVersion | None] = {value: None for value in values if value in self._absent}
        open_now = [value for value in values if value not in known]
        if len(open_now) > 1:
            answered = await self._api.by_sha256(open_now)
            for value, version in answered.items():
                if version is None:
                    self._absent.add(value)
            known.update(answered)
        return known

    async def _judge(self, file: FileRecord, known: Mapping[str, CivitaiVersion | None]) -> _Judgement:
        sha256, autov3 = file.hashes.sha256, file.hashes.autov3
        try:
            version = known[sha256] if sha256 in known else await self._find(sha256)
            if version is not None:
                return self._valid(version, version.file_with("sha256", sha256))
            if file.network.tensors and autov3 != _AUTOV3_OF_NOTHING:
                version = await self._find(autov3)
        except OddAnswer as odd:
            return Validation(state=ValidationState.FAILED, detail=str(odd)), LoraFacts()
        if version is None:
            return Validation(state=ValidationState.UNKNOWN, detail=_UNKNOWN), LoraFacts()
        published = version.file_with("autov3", autov3)
        others = [entry.hashes["sha256"] for entry in version.files if "sha256" in entry.hashes]
        if not others or sha256 in others:
            return self._valid(version, published)
        name = f" ({published.name})" if published and published.name else ""
        reason = f"the same tensors are on CivitAI, but in a file of other bytes{name}: one's metadata was changed"
        return self._known_as(version, ValidationState.MISMATCH, reason)

    async def _find(self, value: str) -> CivitaiVersion | None:
        if value in self._absent:
            return None
        version = await self._api.by_hash(value)
        if version is None:
            self._absent.add(value)
        return version

    def _valid(self, version: CivitaiVersion, file: CivitaiFile | None) -> _Judgement:
        warnings = file.warnings if file else ()
        detail = f"CivitAI warns of this file: {', '.join(warnings)}" if warnings else None
        return self._known_as(version, ValidationState.VALID, detail)

    def _known_as(self, version: CivitaiVersion, state: ValidationState, detail: str | None) -> _Judgement:
        validation = Validation(
            state=state,
            detail=detail,
            model_id=version.model_id,
            version_id=version.version_id,
            page_url=version.page_url(self._site),
        )
        return validation, version.facts()
