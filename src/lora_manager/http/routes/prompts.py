"""Composing prompts and taking them apart."""

from lora_manager.app.prompts.compose_prompt import ComposePrompt
from lora_manager.app.prompts.parse_prompt import ParsePrompt
from lora_manager.domain.access import Scope
from lora_manager.http.answer import Answer
from lora_manager.http.operation import Operation
from lora_manager.http.problem_kinds import ProblemKind
from lora_manager.http.request import ApiRequest
from lora_manager.http.resource import compose_answer, parse_answer
from lora_manager.http.schemas.prompts import ComposeAnswer, ComposeInput, ParseAnswer, ParseInput

TAG = "prompts"


@Operation(
    "POST",
    "/compose",
    TAG,
    {200: ComposeAnswer},
    does=ComposePrompt,
    body=ComposeInput,
    body_example={"prefix": "a quiet harbour at dawn", "dialect": "a1111", "triggers": "required"},
    problems=(ProblemKind.ADAPTER_NOT_FOUND, ProblemKind.NOT_WRITABLE),
)
async def compose_prompt(request: ApiRequest) -> Answer:
    body = await request.input(ComposeInput)
    if body.delivery is None:
        return compose_answer(request, await request.application.compose_prompt(body.to_command()))
    request.require(Scope.DELIVER)
    said = body.delivery.said()
    with said.naming():
        both = await request.application.deliver_composition(body.to_command(), said.to_destination())
    return compose_answer(request, *both)


@Operation(
    "POST",
    "/compose/parse",
    TAG,
    {200: ParseAnswer},
    does=ParsePrompt,
    body=ParseInput,
    body_example={"prompt": "a quiet harbour <lora:ink-wash:0.75>"},
)
async def parse_prompt(request: ApiRequest) -> Answer:
    body = await request.input(ParseInput)
    resolved = await request.application.parse_prompt(body.prompt, body.dialect)
    return await parse_answer(request, resolved)


HANDLERS = (compose_prompt, parse_prompt)
