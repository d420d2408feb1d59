"""Following a run of ComfyUI to its end.

The history has the last word. The websocket only says when to look there, and how far the run is: its frames can be
lost, go to another client, or tell of the success before the history knows of it.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlencode

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from lora_manager.adapters.dispatch.comfyui_answers import Entry
from lora_manager.adapters.dispatch.comfyui_api import ComfyApi, Queued
from lora_manager.domain.delivery import DispatchFailed, Progress
from lora_manager.domain.delivery.targets import place_of
from lora_manager.ports.dispatcher import Report

_CONNECT_S = 10.0
_CLOSE_S = 1.0
_MAX_UNREAD = 1_000  # frames; what arrives during a look at the history, or closing waits in vain behind it
_MAX_FRAME = 64 * 2**20  # bytes; previews are binary frames, as large as the pictures
_ENDS = frozenset({"execution_success", "execution_error", "execution_interrupted"})


@dataclass(frozen=True, slots=True)
class Pace:
    """How often to look.

    :param poll_s: seconds between two looks where nothing says when to look
    :param quiet_s: the same while the websocket is open: it does not tell of a run that was deleted
    :param looks: how many in a row may find no server, or a server that does not know the run
    :param stopping_s: seconds that stopping the run of a cancelled attempt may take
    """

    poll_s: float = 1.0
    quiet_s: float = 10.0
    looks: int = 5
    stopping_s: float = 5.0


class News:
    """What the server tells of one run.

    :param connection: to the websocket; None where there is none
    """

    def __init__(self, connection: ClientConnection | None, run_id: str, report: Report) -> None:
        self._connection = connection
        self._run_id = run_id
        self._report = report
        self._told = Progress()

    @property
    def is_heard(self) -> bool:
        """Whether the server can still tell anything."""
        return self._connection is not None

    def tell(self, progress: Progress) -> None:
        """Report what has changed."""
        if progress != self._told:
            self._told = progress
            self._report(progress)

    async def wait(self, at_most_s: float) -> None:
        """Report progress until the run seems to have ended, the server is not heard any more, or time is up."""
        if self._connection is None:
            await asyncio.sleep(at_most_s)
            return
        try:
            async with asyncio.timeout(at_most_s):
                while not self._take(await self._connection.recv()):
                    pass
        except TimeoutError:
            return
        except ConnectionClosed:
            self._connection = None

    def _take(self, frame: str | bytes) -> bool:
        """Whether the frame says that the run has ended."""
        match _event(frame):
            case {"type": "progress", "data": {"prompt_id": self._run_id, "value": value, "max": top}}:
                self.tell(_step(value, top))
            case {"type": "executing", "data": {"prompt_id": self._run_id, "node": None}}:
                return True
            case {"type": "executing", "data": {"prompt_id": self._run_id, "node": node}}:
                self.tell(Progress(None, f"node {node}"))
            case {"type": str(kind), "data": {"prompt_id": self._run_id}}:
                return kind in _ENDS
            case _:
                pass  # of another run, or of the queue
        return False


@asynccontextmanager
async def listening(api: ComfyApi, client_id: str | None, run_id: str, report: Report) -> AsyncIterator[News]:
    """Hear what the server tells this client, as long as the block lasts; without a websocket, hear nothing.

    :param client_id: None where the run is no client's
    """
    connection = None if client_id is None else await _connected(api, client_id)
    try:
        yield News(connection, run_id, report)
    finally:
        if connection is not None:
            await connection.close()


async def follow(api: ComfyApi, run_id: str, news: News, pace: Pace) -> Entry:
    """Wait for the end of a run that is in the queue.

    :raises DispatchFailed: ``lost``, or why the server cannot be asked
    """
    in_vain = 0
    while True:
        try:
            sighting = await api.look(run_id)
        except DispatchFailed as failure:
            in_vain += 1
            if in_vain >= pace.looks or not failure.error.retryable:
                raise
        else:
            if sighting.entry is not None:
                return sighting.entry
            in_vain = 0 if sighting.queued else in_vain + 1
            if sighting.queued is not None:
                _tell_place(sighting.queued, news)
            elif in_vain >= pace.looks:
                message = (
                    "ComfyUI does not know the run any more: it was restarted, or the run was deleted from its queue"
                )
                raise DispatchFailed("lost", message, retryable=True)
        await news.wait(pace.quiet_s if news.is_heard and not in_vain else pace.poll_s)


def _step(value: object, top: object) -> Progress:
    """A step of the node that runs: of the sampler's, mostly."""
    match value, top:
        case (int() | float() as done, int() | float() as steps) if 0 <= done <= steps and steps > 0:
            return Progress(done / steps, f"step {done:g} of {steps:g}")
        case _:
            return Progress(None, "running")


def _tell_place(queued: Queued, news: News) -> None:
    if not queued.is_running:
        news.tell(Progress(None, f"queued, {queued.ahead} before it"))
    elif not news.is_heard:
        news.tell(Progress(None, "running"))


async def _connected(api: ComfyApi, client_id: str) -> ClientConnection | None:
    try:
        socket = await api.client.open_socket(*place_of(api.base_url), timeout_s=_CONNECT_S)
    except DispatchFailed:
        return None  # whether the server is there at all, the look at its queue tells
    try:
        return await connect(
            f"ws{api.base_url[len('http') :]}/ws?{urlencode({'clientId': client_id})}",  # https becomes wss
            sock=socket,
            additional_headers=api.client.trace_headers(),
            proxy=None,
            compression=None,
            open_timeout=_CONNECT_S,
            close_timeout=_CLOSE_S,
            ping_interval=None,  # a server that went away without a word is noticed by the looks
            max_size=_MAX_FRAME,
            max_queue=_MAX_UNREAD,
        )
    except (OSError, ValueError, WebSocketException):  # ValueError: a redirect
        socket.close()
        return None
    except BaseException:
        socket.close()
        raise


def _event(frame: str | bytes) -> object:
    if isinstance(frame, bytes):  # a preview
        return None
    try:
        event: object = json.loads(frame)
    except (ValueError, RecursionError):
        return None
    return event
