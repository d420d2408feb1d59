"""What others know of an adapter, and what they are told of it."""

from lora_manager.app.metadata.show_metadata import ShowMetadata
from lora_manager.app.validation.validate_lora import ValidateLora
from lora_manager.http.answer import Answer, json_answer
from lora_manager.http.etags import etag
from lora_manager.http.operation import Operation
from lora_manager.http.problem_kinds import ProblemKind
from lora_manager.http.request import ApiRequest
from lora_manager.http.resource import document_answer
from lora_manager.http.schemas.adapter import ValidationResource
from lora_manager.http.schemas.answers import ValidationAnswer
from lora_manager.http.schemas.metadata import MetadataDocument

TAG = "adapters"


@Operation(
    "GET",
    "/adapters/{id:uuid}/metadata",
    TAG,
    {200: MetadataDocument, 304: None},
    does=ShowMetadata,
    answer_headers=("ETag",),
    request_headers=("If-None-Match",),
    problems=(ProblemKind.ADAPTER_NOT_FOUND,),
)
async def show_metadata(request: ApiRequest) -> Answer:
    document = await request.application.show_metadata(request.path_id)
    return document_answer(request, document)


@Operation(
    "POST",
    "/adapters/{id:uuid}/validate",
    TAG,
    {200: ValidationAnswer},
    does=ValidateLora,
    answer_headers=("ETag",),
    problems=(ProblemKind.ADAPTER_NOT_FOUND,),
)
async def validate_adapter(request: ApiRequest) -> Answer:
    lora = await request.application.validate_lora(request.path_id)
    answer = ValidationAnswer(ValidationResource.of(lora.validation))
    return json_answer(answer, headers=[(b"etag", etag(lora.revision).encode())])


HANDLERS = (show_metadata, validate_adapter)
