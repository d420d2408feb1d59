"""Whether the service is there, and whether it can work."""

from collections.abc import Iterable

from lora_manager.domain.access import Scope
from lora_manager.domain.errors import InvalidInput, Unavailable
from lora_manager.http.answer import Answer, json_answer
from lora_manager.http.operation import Operation
from lora_manager.http.request import ApiRequest
from lora_manager.http.schemas.health import Health, Readiness
from lora_manager.ports.readiness import Part

TAG = "health"
_NOT_TOLD = "{}: does not answer; an API key with the scope read is told why"


@Operation("GET", "/health", TAG, {200: Health})
async def show_health() -> Answer:
    """Say that the process answers."""
    return json_answer(Health())


@Operation("GET", "/health/ready", TAG, {200: Readiness})
async def show_readiness(request: ApiRequest) -> Answer:
    """Ask every part that the service needs; a problem names those that do not answer.

    What is wrong with them is told to those alone who may read the registry.
    """
    parts = request.application.parts
    if silent := await _silent(parts):
        is_told = request.guard.may(request.scope, Scope.READ)
        raise Unavailable("; ".join(map(": ".join, silent.items())) if is_told else _NOT_TOLD.format(", ".join(silent)))
    return json_answer(Readiness(tuple(part.name for part in parts)))


async def _silent(parts: Iterable[Part]) -> dict[str, str]:
    """What the parts that do not answer say, by their names."""
    said = {}
    for part in parts:
        try:
            await part.check()
        except (Unavailable, InvalidInput) as error:
            said[part.name] = str(error)
    return said


HANDLERS = (show_health, show_readiness)
