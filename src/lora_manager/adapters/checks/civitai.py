"""Looking at CivitAI, or at the service that stands in for it."""

from collections.abc import Sequence
from http import HTTPStatus
from urllib.parse import urlsplit

from lora_manager.adapters.checks.bounded import PATIENCE_S, BoundedCheck
from lora_manager.adapters.civitai.client import KEY_SETTING, client_for
from lora_manager.adapters.outbound.answers import parsed
from lora_manager.adapters.outbound.connection import Answer
from lora_manager.domain.delivery import DispatchFailed
from lora_manager.ports.diagnosis import Diagnosis

_TIMEOUT_S = 10.0
_MAX_BYTES = 64 * 1024
# Source: CivitAI's REST API. The first answers only whom it knows; the second anybody, in a few bytes.
_WHO_AM_I = "/api/v1/me"
_NO_FILE = f"/api/v1/model-versions/by-hash/{'0' * 64}"
_DISPENSABLE = "all but lora-manager validate works without it; check the network"


class CivitaiCheck(BoundedCheck):
    """Asks the site one question, and with a key, whether it takes that.

    :param base_url: of the site, without a slash at its end
    """

    def __init__(self, base_url: str, api_key: str | None, *, patience_s: float = PATIENCE_S) -> None:
        super().__init__("CivitAI", patience_s=patience_s)
        self._url = base_url + (_NO_FILE if api_key is None else _WHO_AM_I)
        self._api_key = api_key
        self._site = urlsplit(base_url).netloc

    async def _look(self) -> Sequence[Diagnosis]:
        headers = {"Accept": "application/json"}
        if self._api_key is not None:
            headers["Authorization"] = f"Bearer {self._api_key}"
        try:
            answer = await _got(self._url, headers)
        except DispatchFailed as failed:
            return [self.doubtful(_cause(failed), f"{_DISPENSABLE}, or CIVITAI_BASE_URL")]
        return [self._judged(answer)]

    def _judged(self, answer: Answer) -> Diagnosis:
        if not isinstance(parsed(answer.body), dict):
            return self._not_itself(answer)
        match answer.status, self._api_key is not None:
            case HTTPStatus.OK, True:
                return self.good(f"{self._site} answers, and takes the key")
            case HTTPStatus.UNAUTHORIZED, True:
                return self.bad(f"{self._site} refuses the key", f"correct {KEY_SETTING}, or unset it: none is needed")
            case HTTPStatus.NOT_FOUND, True:
                return self.good(f"{self._site} answers; whether it takes the key, it does not tell")
            case ((HTTPStatus.OK | HTTPStatus.NOT_FOUND), False):
                return self.good(f"{self._site} answers; no key is set, and none is needed")
            case status, _:
                return self.doubtful(f"{self._site} answers with {status}", "try again later")

    def _not_itself(self, answer: Answer) -> Diagnosis:
        finding = f"{self._site} answers with {answer.status} and something that is not CivitAI's"
        if answer.status == HTTPStatus.FORBIDDEN:
            return self.doubtful(f"{finding}: its protection against robots, perhaps", "try again later")
        return self.doubtful(finding, "check that CIVITAI_BASE_URL leads to CivitAI itself")


class ValidationServiceCheck(BoundedCheck):
    """Asks whether anything answers at the address; neither a document nor the key is sent.

    :param url: where documents would be posted to
    """

    def __init__(self, url: str, *, patience_s: float = PATIENCE_S) -> None:
        super().__init__("validation service", patience_s=patience_s)
        self._url = url

    async def _look(self) -> Sequence[Diagnosis]:
        try:
            answer = await _got(self._url, {})
        except DispatchFailed as failed:
            return [self.doubtful(_cause(failed), f"{_DISPENSABLE}, or CIVITAI_VALIDATE_URL")]
        place = urlsplit(self._url).netloc
        if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return [self.doubtful(f"{place} answers with {answer.status}", "see what is wrong there")]
        return [self.good(f"{place} answers")]


async def _got(url: str, headers: dict[str, str]) -> Answer:
    client = client_for(url)
    try:
        return await client.request(
            "GET", url, headers=headers, timeout_s=_TIMEOUT_S, max_bytes=_MAX_BYTES, cut_off=True
        )
    finally:
        await client.aclose()


def _cause(failed: DispatchFailed) -> str:
    return failed.error.message.partition("; ")[0]
