"""Which adapters a composition takes, and where; and what is done to many at once."""

from lora_manager.app.loras.activate_lora import ActivateLora, DeactivateLora
from lora_manager.app.loras.change_many import ChangeMany
from lora_manager.app.loras.reorder_loras import ReorderLoras
from lora_manager.http.answer import Answer, json_answer
from lora_manager.http.operation import Operation
from lora_manager.http.problem_kinds import ProblemKind
from lora_manager.http.request import ApiRequest
from lora_manager.http.resource import adapter_answer, list_answer
from lora_manager.http.schemas.answers import AdapterAnswer, AdapterList
from lora_manager.http.schemas.many import ActivateInput, ActivateQuery, BulkAnswer, BulkInput, ReorderInput

TAG = "placement"
_IDS = ["01890a5d-ac96-774b-bcce-b302099a8057", "01890a5d-ac96-7ab6-9c2c-5b4f7e1a2d3c"]


@Operation(
    "POST",
    "/adapters/{id:uuid}/activate",
    TAG,
    {200: AdapterAnswer},
    does=ActivateLora,
    answer_headers=("ETag",),
    body=ActivateInput,
    body_example={"ordinal": 1},
    body_optional=True,
    query=ActivateQuery,
    problems=(ProblemKind.ADAPTER_NOT_FOUND,),
)
async def activate_adapter(request: ApiRequest) -> Answer:
    query = request.query(ActivateQuery)
    body = await request.input_if_any(ActivateInput)
    lora = await request.application.activate_lora(request.path_id, body.ordinal_with(query))
    return await adapter_answer(request, lora)


@Operation(
    "POST",
    "/adapters/{id:uuid}/deactivate",
    TAG,
    {200: AdapterAnswer},
    does=DeactivateLora,
    answer_headers=("ETag",),
    problems=(ProblemKind.ADAPTER_NOT_FOUND,),
)
async def deactivate_adapter(request: ApiRequest) -> Answer:
    lora = await request.application.deactivate_lora(request.path_id)
    return await adapter_answer(request, lora)


@Operation(
    "POST",
    "/adapters/reorder",
    TAG,
    {200: AdapterList},
    does=ReorderLoras,
    body=ReorderInput,
    body_example={"ids": _IDS},
    problems=(ProblemKind.ADAPTER_NOT_FOUND,),
)
async def reorder_adapters(request: ApiRequest) -> Answer:
    body = await request.input(ReorderInput)
    return await list_answer(request, await request.application.reorder_loras(body.to_ids()))


@Operation(
    "POST",
    "/adapters/bulk",
    TAG,
    {200: BulkAnswer},
    does=ChangeMany,
    body=BulkInput,
    body_example={"action": "tag", "ids": _IDS, "tags": ["style:ink"]},
)
async def change_adapters(request: ApiRequest) -> Answer:
    body = await request.input(BulkInput)
    results = await request.application.change_many(body.to_command())
    return json_answer(BulkAnswer.of(results))


HANDLERS = (activate_adapter, deactivate_adapter, reorder_adapters, change_adapters)
