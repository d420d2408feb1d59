"""Asking an outside service politely, and again where that may help."""

from collections.abc import Callable
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TypeVar
from urllib.parse import urlsplit

from lora_manager.adapters.civitai.pace import Fault, Pace, Throttled
from lora_manager.adapters.outbound.answers import PASSING, retry_after
from lora_manager.adapters.outbound.client import OutboundClient
from lora_manager.adapters.outbound.connection import Answer
from lora_manager.domain.civitai.values import line_of
from lora_manager.domain.delivery import DispatchFailed
from lora_manager.domain.delivery.allowed_hosts import AllowedHosts
from lora_manager.domain.errors import InvalidInput, Unavailable

KEY_SETTING = "CIVITAI_API_KEY"
TIMEOUT_S = 30.0
_TRIES = 3
_MAX_BYTES = 20 * 2**20  # a hundred versions with ten pictures each and the prompts of those have some 5 MB
_MAX_SAID = 300
_Read = TypeVar("_Read")


class AnswerTooLarge(Exception):
    """An answer is larger than what is read."""


def client_for(url: str) -> OutboundClient:
    """A client that contacts the host of this address only, which the operator chose: it may be this machine."""
    host = urlsplit(url).hostname or ""
    is_here = host == "localhost" or host.endswith(".localhost")
    return OutboundClient(AllowedHosts.parse(f"{host} loopback" if is_here else host))


class PacedClient:
    """Sends requests to one service.

    :param who: the service, for messages
    :param setting: where its address is set, for messages
    :param api_key: sent as a bearer token
    :param timeout_s: seconds for each request
    :raises InvalidInput: the key cannot be sent
    """

    def __init__(
        self,
        client: OutboundClient,
        pace: Pace,
        *,
        who: str,
        setting: str,
        api_key: str | None,
        timeout_s: float,
    ) -> None:
        if api_key is not None and not (api_key.isascii() and api_key.isprintable() and api_key == api_key.strip()):
            raise InvalidInput(f"{KEY_SETTING} must be printable ASCII without white space at either end")
        self._client = client
        self._pace = pace
        self._setting = setting
        self._headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if api_key:
            self._headers["Authorization"] = f"Bearer {api_key}"
        self._api_key = api_key
        self._timeout_s = timeout_s
        self.who = who

    def said(self, text: object) -> str | None:
        """What the service says, as it may be shown: one line of at most 300 characters, without the key."""
        line = line_of(text)
        return line and (line.replace(self._api_key, "***") if self._api_key else line)[:_MAX_SAID]

    async def send(self, method: str, url: str, read: Callable[[Answer], _Read], content: bytes = b"") -> _Read:
        """Send a request, up to three times, and read the answer.

        :param read: raises :class:`Fault` where the answer is none; it is not given those that say to try again
        :raises Unavailable: there is no answer
        :raises AnswerTooLarge: it is larger than 20 MiB
        """
        left = _TRIES
        while True:
            left -= 1
            try:
                async with self._pace.turn(self.who):
                    return read(self._answered(await self._exchange(method, url, content)))
            except Fault as fault:
                if not fault.is_passing:
                    raise Unavailable(f"{self.who} cannot be asked: {fault}") from fault
                if not left:
                    raise Unavailable(f"{self.who} cannot be asked: {fault}; try again later") from fault

    async def _exchange(self, method: str, url: str, content: bytes) -> Answer:
        try:
            return await self._client.request(
                method, url, headers=self._headers, content=content, timeout_s=self._timeout_s, max_bytes=_MAX_BYTES
            )
        except DispatchFailed as failed:
            error = failed.error
            if error.code == "too_large":
                raise AnswerTooLarge(error.message) from failed
            if error.code == "target_forbidden":
                reason = f"its name leads to this machine, or to none that may be asked; check {self._setting}"
                raise Fault(reason, is_passing=False) from failed
            raise Fault(error.message, is_passing=error.retryable) from failed

    def _answered(self, answer: Answer) -> Answer:
        """The answer, unless it says to try again, or elsewhere."""
        wait = retry_after(answer.headers.get("retry-after", ""), datetime.now(UTC))
        if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
            raise Throttled("it asks for fewer requests (429)", is_passing=True, wait=wait)
        if answer.status in PASSING or answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise Fault(f"it answered with {answer.status}", is_passing=True, wait=wait)
        if HTTPStatus.MULTIPLE_CHOICES <= answer.status < HTTPStatus.BAD_REQUEST:
            place = self.said(answer.headers.get("location", "").partition("?")[0]) or "nowhere"
            reason = f"it redirects to {place}, which is not followed; check {self._setting}"
            raise Fault(reason, is_passing=False)
        return answer
