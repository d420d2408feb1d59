"""The calls to one server with A1111's API."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from urllib.parse import urlsplit

import msgspec

from lora_manager.adapters.dispatch.sdnext_failures import failure_of
from lora_manager.adapters.dispatch.sdnext_wire import Generated, ListedLora, Seen, TaskState, decode
from lora_manager.adapters.outbound.client import OutboundClient

_MAX_IMAGES = 256 << 20  # bytes: a batch of 16 images of 2048 x 2048, which hardly compress, in base64
_MAX_LORAS = 64 << 20  # bytes: thousands of LoRAs, each with its training metadata
_MAX_SMALL = 1 << 20  # bytes; a preview is not asked for
_QUICK_S = 5.0  # seconds for what the server answers from memory, even while it generates
_SCAN_S = 60.0  # seconds for what makes it read its LoRA folder
_NOTHING: Mapping[str, str] = MappingProxyType({})


class Runtime:
    """A server, as one attempt of a delivery talks to it.

    :param base_url: may hold ``user:password@``
    """

    def __init__(self, client: OutboundClient, base_url: str) -> None:
        self._client = client
        self._base_url = base_url
        self.name = urlsplit(base_url).netloc.rpartition("@")[2]
        """Host and port, fit to show."""

    async def generate(self, payload: Mapping[str, object], headers: Mapping[str, str], timeout_s: float) -> Generated:
        """Make images; answers when they are made."""
        body = await self._ask(
            "POST", "/sdapi/v1/txt2img", payload, headers, timeout_s=timeout_s, max_bytes=_MAX_IMAGES
        )
        return decode(body, Generated, self.name)

    async def loras(self) -> Sequence[ListedLora]:
        """The LoRAs the server knows."""
        body = await self._ask("GET", "/sdapi/v1/loras", timeout_s=_SCAN_S, max_bytes=_MAX_LORAS)
        return decode(body, list[ListedLora], self.name)

    async def refresh_loras(self) -> None:
        """Have the server look into its LoRA folder again."""
        await self._ask("POST", "/sdapi/v1/refresh-loras", timeout_s=_SCAN_S, max_bytes=_MAX_LORAS)

    async def look(self) -> Seen:
        """What the server is doing."""
        body = await self._ask("GET", "/sdapi/v1/progress?skip_current_image=true")
        return decode(body, Seen, self.name)

    async def task(self, task_id: str) -> TaskState:
        """What became of the task with this id."""
        body = await self._ask("POST", "/internal/progress", {"id_task": task_id, "live_preview": False})
        return decode(body, TaskState, self.name)

    async def interrupt(self) -> None:
        """Stop what is running, whoever asked for it."""
        await self._ask("POST", "/sdapi/v1/interrupt")

    async def _ask(
        self,
        method: str,
        path: str,
        content: Mapping[str, object] = _NOTHING,
        headers: Mapping[str, str] = _NOTHING,
        *,
        timeout_s: float = _QUICK_S,
        max_bytes: int = _MAX_SMALL,
    ) -> bytes:
        """The body of a successful answer.

        :raises DispatchFailed: there is none
        """
        answer = await self._client.request(
            method,
            self._base_url + path,
            headers={**headers, "Content-Type": "application/json"} if content else headers,
            content=msgspec.json.encode(content) if content else b"",
            timeout_s=timeout_s,
            max_bytes=max_bytes,
        )
        if not 200 <= answer.status < 300:  # noqa: PLR2004  # RFC 9110 section 15.3
            raise failure_of(answer, self.name)
        return answer.body
