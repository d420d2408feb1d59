"""What an answer other than success means.

A1111 and SD.Next answer ``{"error", "detail", "body", "errors"}``, Forge as FastAPI does: ``{"detail"}``, and others
``{"error", "message"}``. ``body`` and the ``input`` of a refused field repeat the request, so they are not shown.
Source: AUTOMATIC1111/stable-diffusion-webui modules/api/api.py, vladmandic/sdnext modules/api/middleware.py.
"""

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from lora_manager.adapters.outbound.answers import PASSING, parsed
from lora_manager.adapters.outbound.connection import Answer
from lora_manager.domain.delivery import DispatchFailed
from lora_manager.domain.text import CONTROL

_OUT_OF_MEMORY = ("outofmemory", "out of memory", "not enough memory")
_MAX_SHOWN = 300  # characters of what the server says


def failure_of(answer: Answer, runtime: str) -> DispatchFailed:
    """The failure that this answer tells of.

    :param runtime: host and port
    """
    said = _said(parsed(answer.body))
    because = f": {said}" if said else ""
    status = f"{runtime} answers {answer.status}{because}"
    if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        if any(words in said.lower() for words in _OUT_OF_MEMORY):
            message = f"{status}; ask for smaller or fewer images, or free the memory of its GPU"
            return DispatchFailed("out_of_memory", message, retryable=True)
        return DispatchFailed("server_error", f"{status}; its log tells more", retryable=True)
    if answer.status in PASSING:
        return DispatchFailed("server_busy", f"{status}; it asks for patience", retryable=True)
    code, advice = _refusal(answer.status, said)
    return DispatchFailed(code, f"{status}; {advice}", retryable=False)


def _refusal(status: int, said: str) -> tuple[str, str]:
    """The code of an answer that trying again does not change, and what to do."""
    match status:
        case HTTPStatus.UNAUTHORIZED | HTTPStatus.FORBIDDEN:
            return "unauthorized", "give the right credentials in base_url: http://user:password@host:port"
        case HTTPStatus.NOT_FOUND if not said or said == "Not Found":  # what is said of a path that nothing serves
            return "no_api", "start the server with --api, and check base_url"
        case HTTPStatus.UNPROCESSABLE_ENTITY | HTTPStatus.BAD_REQUEST | HTTPStatus.NOT_FOUND:
            return "refused", "correct the payload"
        case _ if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
            return "redirected", "redirects are not followed: put the address it redirects to into base_url"
        case _:
            return "refused", "check base_url and the payload"


def _said(refusal: Any) -> str:
    """What the server says is wrong, on one short line."""
    parts = _parts(refusal) if isinstance(refusal, dict) else [refusal]
    texts = [part for part in parts if isinstance(part, str) and part]
    line = " ".join(CONTROL.sub(" ", ": ".join(texts)).split())
    return line if len(line) <= _MAX_SHOWN else f"{line[:_MAX_SHOWN]}..."


def _parts(refusal: dict[str, Any]) -> list[Any]:
    """The kind of the error, where it says more than that there is one, and its text."""
    detail = refusal.get("detail")
    if isinstance(detail, list):
        return ["; ".join(_fields(detail))]
    kind = refusal.get("error")
    return [None if kind == "HTTPException" else kind, detail or refusal.get("errors") or refusal.get("message")]


def _fields(detail: list[Any]) -> Iterator[str]:
    """Each refused field, under the name it has in our parameters, and why."""
    for problem in detail:
        if isinstance(problem, dict):
            location = problem.get("loc")
            names = [str(name) for name in location if name != "body"] if isinstance(location, list) else []
            yield f"{'.'.join(['payload', *names])} {problem.get('msg', 'is refused')}"
