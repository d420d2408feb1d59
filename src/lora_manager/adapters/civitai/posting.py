"""Asking a service of the operator's own."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from http import HTTPStatus
from urllib.parse import urlsplit

from lora_manager.adapters.civitai.client import KEY_SETTING, TIMEOUT_S, AnswerTooLarge, PacedClient
from lora_manager.adapters.civitai.pace import Pace
from lora_manager.adapters.civitai.verdicts import failed, unverified
from lora_manager.adapters.outbound.answers import parsed
from lora_manager.adapters.outbound.client import OutboundClient
from lora_manager.adapters.outbound.connection import Answer
from lora_manager.domain.civitai.base_models import family_of
from lora_manager.domain.civitai.facts import facts_within_limits
from lora_manager.domain.civitai.preview import is_web_url
from lora_manager.domain.civitai.triggers import read_triggers
from lora_manager.domain.civitai.values import id_of, line_of, object_of
from lora_manager.domain.lora import Lora, LoraFacts
from lora_manager.domain.metadata import metadata_document
from lora_manager.domain.validation import Validation, ValidationState
from lora_manager.ports.validator import Validator, Verdict

_SETTING = "CIVITAI_VALIDATE_URL"
_SAID = (ValidationState.VALID, ValidationState.MISMATCH, ValidationState.UNKNOWN, ValidationState.FAILED)
_STATE_OF_STATUS: Mapping[int, ValidationState] = {
    HTTPStatus.NOT_FOUND: ValidationState.UNKNOWN,
    HTTPStatus.CONFLICT: ValidationState.MISMATCH,
    HTTPStatus.UNPROCESSABLE_ENTITY: ValidationState.MISMATCH,
}
_KEY_REFUSED = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})


class PostingValidator(Validator):
    """Posts the metadata document of each LoRA, one after another.

    The request is ``POST`` with ``Content-Type: application/json`` and, where a key is set, ``Authorization: Bearer``.
    Its body is what :func:`metadata_document` gives. The status of the answer says:

    - 2xx: the file is valid, unless the body is a JSON object that says otherwise. The object may hold ``state``
      (``valid``, ``mismatch``, ``unknown`` or ``failed``) or ``valid`` (true or false); ``detail``, a sentence;
      ``model_id`` and ``version_id``, numbers; ``page_url``; and facts, which fill what no user has set: ``title``,
      ``triggers`` (an array of texts), ``base_model``, ``preview_url``. What is not as said here is left out.
    - 404: nobody published the file. 409 and 422: what is published has other bytes.
    - 408, 425, 429 and 5xx: asked again, up to three times, after ``Retry-After`` where that is given.
    - 401 and 403: the key is wrong.
    - anything else: the LoRA could not be judged.

    The ``detail`` of these is read as well.

    :param client: permitted to contact the service
    :param url: where to post to
    :param timeout_s: seconds for each request
    :raises InvalidInput: the key cannot be sent
    """

    def __init__(
        self, client: OutboundClient, url: str, api_key: str | None, pace: Pace, *, timeout_s: float = TIMEOUT_S
    ) -> None:
        self._url = url
        who = f"the service at {urlsplit(url).netloc.rpartition('@')[2]}"
        self._client = PacedClient(client, pace, who=who, setting=_SETTING, api_key=api_key, timeout_s=timeout_s)

    async def ask(self, loras: Sequence[Lora]) -> AsyncGenerator[Verdict, None]:
        for lora in loras:
            yield unverified(lora) if lora.file is None else await self._judge(lora)

    async def _judge(self, lora: Lora) -> Verdict:
        try:
            answer = await self._client.send("POST", self._url, _as_it_is, metadata_document(lora))
        except AnswerTooLarge as error:
            return failed(lora, f"{self._client.who} cannot be asked about this file: {error}")
        if answer.status in _KEY_REFUSED:
            return failed(lora, f"{self._client.who} refuses the key ({answer.status}); check {KEY_SETTING}")
        told = object_of(parsed(answer.body))
        state = _state(answer.status, told)
        detail = self._client.said(told.get("detail")) or self._usual_detail(state, answer.status)
        if state in {ValidationState.VALID, ValidationState.MISMATCH}:
            return Verdict(lora_id=lora.id, validation=_validation(state, detail, told), facts=_facts(told))
        return Verdict(lora_id=lora.id, validation=Validation(state=state, detail=detail))

    def _usual_detail(self, state: ValidationState, status: int) -> str | None:
        match state:
            case ValidationState.VALID:
                return None
            case ValidationState.MISMATCH:
                return f"{self._client.who} knows this LoRA with another file"
            case ValidationState.UNKNOWN:
                return f"{self._client.who} does not know this file"
            case _:
                return f"{self._client.who} could not judge this file ({status}), and does not say why"


def _as_it_is(answer: Answer) -> Answer:
    return answer


def _state(status: int, told: Mapping[str, object]) -> ValidationState:
    if status >= HTTPStatus.BAD_REQUEST:
        return _STATE_OF_STATUS.get(status, ValidationState.FAILED)
    if "state" in told:
        return next((state for state in _SAID if state == told["state"]), ValidationState.FAILED)
    return ValidationState.MISMATCH if told.get("valid") is False else ValidationState.VALID


def _validation(state: ValidationState, detail: str | None, told: Mapping[str, object]) -> Validation:
    page_url = told.get("page_url")
    return Validation(
        state=state,
        detail=detail,
        model_id=id_of(told.get("model_id")),
        version_id=id_of(told.get("version_id")),
        page_url=page_url if isinstance(page_url, str) and is_web_url(page_url) else None,
    )


def _facts(told: Mapping[str, object]) -> LoraFacts:
    preview_url, base_model = told.get("preview_url"), line_of(told.get("base_model"))
    return facts_within_limits(
        title=line_of(told.get("title")),
        triggers=read_triggers(told.get("triggers")),
        base_model=family_of(base_model) or base_model,
        preview_url=preview_url if isinstance(preview_url, str) else None,
    )
