"""The part of CivitAI's REST API that answers which version a file belongs to.

Source: civitai src/pages/api/v1/model-versions/by-hash; https://developer.civitai.com/site/reference
"""

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import NamedTuple

from lora_manager.adapters.civitai.client import KEY_SETTING, AnswerTooLarge, PacedClient
from lora_manager.adapters.civitai.pace import Fault
from lora_manager.adapters.outbound.answers import parsed
from lora_manager.adapters.outbound.connection import Answer
from lora_manager.domain.civitai.values import object_of
from lora_manager.domain.civitai.version import CivitaiVersion, read_version
from lora_manager.domain.errors import Unavailable

SETTING = "CIVITAI_BASE_URL"
MOST_TOGETHER = 100
_BY_HASH = "/api/v1/model-versions/by-hash"


class OddAnswer(Exception):
    """The question about one file was answered in no known way; ``str()`` is a sentence for the user."""


class _Reply(NamedTuple):
    status: int
    content: object


class CivitaiApi:
    """One site. Every method raises :class:`Unavailable` where the site does not answer, or not anybody with this key.

    :param base_url: of the site, without a slash at its end
    """

    def __init__(self, client: PacedClient, base_url: str) -> None:
        self._client = client
        self._url = base_url + _BY_HASH

    async def by_hash(self, value: str) -> CivitaiVersion | None:
        """The oldest published version that has a file with this hash; None where there is none.

        :param value: any kind of hash in the length that CivitAI publishes
        :raises OddAnswer: the answer is neither
        """
        who = self._client.who
        try:
            reply = await self._client.send("GET", f"{self._url}/{value.upper()}", _read)
        except AnswerTooLarge as error:
            raise OddAnswer(f"{who} cannot be asked about this file: {error}") from error
        if reply.status == HTTPStatus.NOT_FOUND:
            return None
        self._require_permitted(reply)
        if reply.status != HTTPStatus.OK:
            raise OddAnswer(f"{who} refuses to be asked about this file ({reply.status}): {self._said(reply)}")
        version = read_version(reply.content)
        if version is None or version.version_id is None:
            raise OddAnswer(f"{who} answered with something that is no model version; check {SETTING}")
        return version

    async def by_sha256(self, values: Sequence[str]) -> Mapping[str, CivitaiVersion | None]:
        """The versions that have files with these SHA-256, None for those that nobody published.

        What the answer leaves open has no entry: one bad hash makes the site refuse all of them, and an entry may be
        null or without hashes.

        :param values: at most 100
        """
        content = json.dumps([value.upper() for value in values]).encode()
        try:
            reply = await self._client.send("POST", self._url, _read, content)
        except AnswerTooLarge:
            return {}
        self._require_permitted(reply)
        if reply.status != HTTPStatus.OK or not isinstance(reply.content, list):
            return {}
        versions = [read_version(entry) for entry in reply.content]
        found = {value: version for version in versions for value in _sha256_of(version)}
        if all(map(_sha256_of, versions)):
            return {value: found.get(value) for value in values}
        return {value: found[value] for value in values if value in found}

    def _require_permitted(self, reply: _Reply) -> None:
        if reply.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
            raise Unavailable(
                f"{self._client.who} refuses the question ({reply.status}): {self._said(reply)}; check "
                f"{KEY_SETTING}, or unset it: looking files up needs no key"
            )

    def _said(self, reply: _Reply) -> str:
        told = object_of(reply.content)
        return self._client.said(told.get("error")) or self._client.said(told.get("message")) or "without a reason"


def _read(answer: Answer) -> _Reply:
    """What the site itself says; pages come from the network in front of it, or from another server."""
    content: object = parsed(answer.body)
    if isinstance(content, dict | list):
        return _Reply(answer.status, content)
    if answer.status == HTTPStatus.FORBIDDEN:
        reason = f"its protection against robots turned the request away (403); try again later, or set {KEY_SETTING}"
        raise Fault(reason, is_passing=False)
    reason = f"it answered with {answer.status} and something that is not JSON"
    if answer.status == HTTPStatus.OK:
        raise Fault(reason, is_passing=True)
    raise Fault(f"{reason}; check that {SETTING} leads to CivitAI itself", is_passing=False)


def _sha256_of(version: CivitaiVersion | None) -> list[str]:
    """The SHA-256 of its files, as far as they are told; none of what is no version."""
    if version is None or version.version_id is None:
        return []
    return [file.hashes["sha256"] for file in version.files if "sha256" in file.hashes]
