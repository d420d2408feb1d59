"""Adapters one by one, and listed."""

from http import HTTPStatus

from lora_manager.app.loras.delete_lora import DeleteLora, RestoreLora
from lora_manager.app.loras.register_lora import RegisterLora
from lora_manager.app.loras.revise_lora import ReviseLora
from lora_manager.app.loras.verify_lora import VerifyLora
from lora_manager.http.answer import Answer, EmptyAnswer
from lora_manager.http.operation import Operation
from lora_manager.http.problem_kinds import ProblemKind
from lora_manager.http.request import ApiRequest
from lora_manager.http.resource import adapter_answer, expected_revision, page_answer
from lora_manager.http.schemas.answers import AdapterAnswer
from lora_manager.http.schemas.changes import CreateAdapter, PatchAdapter
from lora_manager.http.schemas.listing import AdapterPage, AdapterQuery
from lora_manager.http.schemas.verify import ExtraHash, VerifyQuery

TAG = "adapters"
_FILE_PROBLEMS = (
    ProblemKind.INVALID_FILE,
    ProblemKind.FILE_MISSING,
    ProblemKind.FILE_NOT_READABLE,
    ProblemKind.OUTSIDE_LIBRARY,
    ProblemKind.INVALID_SAFETENSORS,
    ProblemKind.NOT_A_LORA,
)


@Operation(
    "POST",
    "/adapters",
    TAG,
    {201: AdapterAnswer},
    does=RegisterLora,
    answer_headers=("ETag", "Location"),
    body=CreateAdapter,
    body_example={
        "name": "ink-wash",
        "file_path": "/loras/ink-wash.safetensors",
        "tags": ["style:ink"],
        "weight": 0.75,
    },
    problems=(*_FILE_PROBLEMS, ProblemKind.NAME_TAKEN),
    path_field="file_path",
)
async def create_adapter(request: ApiRequest) -> Answer:
    body = await request.input(CreateAdapter)
    lora = await request.application.register_lora(body.to_command())
    return await adapter_answer(request, lora, HTTPStatus.CREATED)


@Operation("GET", "/adapters", TAG, {200: AdapterPage}, query=AdapterQuery)
async def list_adapters(request: ApiRequest) -> Answer:
    """List adapters: filtered, ordered, page by page."""
    selection = request.query(AdapterQuery).to_selection()
    page = await request.application.catalog.page(selection)
    return await page_answer(request, selection, page)


@Operation(
    "GET",
    "/adapters/{id:uuid}",
    TAG,
    {200: AdapterAnswer, 304: None},
    answer_headers=("ETag",),
    request_headers=("If-None-Match",),
    problems=(ProblemKind.ADAPTER_NOT_FOUND,),
)
async def show_adapter(request: ApiRequest) -> Answer:
    """Show one adapter."""
    lora = await request.application.catalog.get(request.path_id)
    return await adapter_answer(request, lora)


@Operation(
    "PATCH",
    "/adapters/{id:uuid}",
    TAG,
    {200: AdapterAnswer},
    does=ReviseLora,
    answer_headers=("ETag",),
    request_headers=("If-Match",),
    body=PatchAdapter,
    body_example={"weight": 0.6, "description": None},
    problems=(
        ProblemKind.ADAPTER_NOT_FOUND,
        ProblemKind.NAME_TAKEN,
        ProblemKind.STALE_REVISION,
        ProblemKind.PRECONDITION_FAILED,
    ),
)
async def change_adapter(request: ApiRequest) -> Answer:
    body = await request.input(PatchAdapter)
    command = body.to_command(request.path_id, await expected_revision(request))
    return await adapter_answer(request, await request.application.revise_lora(command))


@Operation(
    "DELETE", "/adapters/{id:uuid}", TAG, {204: None}, does=DeleteLora, problems=(ProblemKind.ADAPTER_NOT_FOUND,)
)
async def delete_adapter(request: ApiRequest) -> Answer:
    await request.application.delete_lora(request.path_id)
    return EmptyAnswer(204)


@Operation(
    "POST",
    "/adapters/{id:uuid}/restore",
    TAG,
    {200: AdapterAnswer},
    does=RestoreLora,
    answer_headers=("ETag",),
    problems=(ProblemKind.ADAPTER_NOT_FOUND, ProblemKind.NAME_TAKEN),
)
async def restore_adapter(request: ApiRequest) -> Answer:
    lora = await request.application.restore_lora(request.path_id)
    return await adapter_answer(request, lora)


@Operation(
    "POST",
    "/adapters/{id:uuid}/verify",
    TAG,
    {200: AdapterAnswer},
    does=VerifyLora,
    answer_headers=("ETag",),
    query=VerifyQuery,
    problems=(ProblemKind.ADAPTER_NOT_FOUND,),
)
async def verify_adapter(request: ApiRequest) -> Answer:
    wanted = request.query(VerifyQuery).hash
    lora = await request.application.verify_lora(
        request.path_id, crc32=ExtraHash.CRC32 in wanted, blake3=ExtraHash.BLAKE3 in wanted
    )
    return await adapter_answer(request, lora)


HANDLERS = (
    create_adapter,
    list_adapters,
    show_adapter,
    change_adapter,
    delete_adapter,
    restore_adapter,
    verify_adapter,
)
