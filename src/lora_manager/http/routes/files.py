"""Files as they are: LoRA files and previews to fetch, LoRA files to send."""

from lora_manager.app.files.open_file import OpenFile, OpenPreview
from lora_manager.app.files.upload_file import UploadFile
from lora_manager.domain.media_types import ANY_TYPE, media_type_of
from lora_manager.domain.sidecar.names import PREVIEWS
from lora_manager.http.answer import Answer, json_answer
from lora_manager.http.file_answer import file_answer
from lora_manager.http.operation import Operation, RawContent
from lora_manager.http.problem_kinds import ProblemKind
from lora_manager.http.request import ApiRequest
from lora_manager.http.schemas.uploads import UploadAnswer, UploadQuery

TAG = "files"
_BYTES = RawContent((ANY_TYPE,))
_SHOWN = RawContent(tuple(dict.fromkeys(map(media_type_of, PREVIEWS))))
_ANSWER_HEADERS = ("ETag", "Last-Modified", "Accept-Ranges", "Content-Range", "Content-Disposition", "Location")
_REQUEST_HEADERS = ("Range", "If-Range", "If-None-Match", "If-Modified-Since")
_SANDBOXED = (b"content-security-policy", b"sandbox")  # opened as a page of its own, it is still nobody's page


@Operation(
    "GET",
    "/adapters/{id:uuid}/file",
    TAG,
    {200: _BYTES, 206: _BYTES, 304: None, 307: None},
    does=OpenFile,
    answer_headers=_ANSWER_HEADERS,
    request_headers=_REQUEST_HEADERS,
    problems=(ProblemKind.ADAPTER_NOT_FOUND, ProblemKind.FILE_GONE, ProblemKind.RANGE_NOT_SATISFIABLE),
)
async def download_file(request: ApiRequest) -> Answer:
    file = await request.application.open_file(request.path_id)
    return file_answer(request, file, "attachment")


@Operation(
    "GET",
    "/adapters/{id:uuid}/preview",
    TAG,
    {200: _SHOWN, 206: _SHOWN, 304: None, 307: None},
    does=OpenPreview,
    answer_headers=_ANSWER_HEADERS,
    request_headers=_REQUEST_HEADERS,
    problems=(
        ProblemKind.ADAPTER_NOT_FOUND,
        ProblemKind.PREVIEW_NOT_FOUND,
        ProblemKind.FILE_GONE,
        ProblemKind.RANGE_NOT_SATISFIABLE,
    ),
)
async def show_preview(request: ApiRequest) -> Answer:
    preview = await request.application.open_preview(request.path_id)
    return file_answer(request, preview, "inline", _SANDBOXED)


@Operation(
    "POST",
    "/uploads",
    TAG,
    {201: UploadAnswer},
    does=UploadFile,
    query=UploadQuery,
    raw_body=_BYTES,
    problems=(
        ProblemKind.INVALID_FILE,
        ProblemKind.INVALID_SAFETENSORS,
        ProblemKind.NOT_A_LORA,
        ProblemKind.FILE_NAME_TAKEN,
        ProblemKind.LENGTH_REQUIRED,
        ProblemKind.BODY_TOO_LARGE,
        ProblemKind.UNSUPPORTED_MEDIA_TYPE,
    ),
)
async def upload_file(request: ApiRequest) -> Answer:
    filename = request.query(UploadQuery).filename
    upload = await request.application.upload_file(filename, request.content(), request.upload_length)
    return json_answer(UploadAnswer.of(upload), status=201)


HANDLERS = (download_file, show_preview, upload_file)
