"""The library as a whole: scans, tags, duplicates."""

from lora_manager.app.library.start_scan import ShowScan, StartScan
from lora_manager.app.loras.find_duplicates import FindDuplicates
from lora_manager.http.answer import Answer, json_answer
from lora_manager.http.operation import Operation
from lora_manager.http.problem_kinds import ProblemKind
from lora_manager.http.request import ApiRequest
from lora_manager.http.resource import duplicates_answer
from lora_manager.http.schemas.answers import DuplicateList
from lora_manager.http.schemas.many import TagList
from lora_manager.http.schemas.scans import ScanAnswer, ScanInput

TAG = "library"


@Operation("GET", "/adapters/tags", TAG, {200: TagList})
async def list_tags(request: ApiRequest) -> Answer:
    """List the tags in use, each with the number of adapters that carry it."""
    return json_answer(TagList.of(await request.application.report.tags()))


@Operation("GET", "/adapters/duplicates", TAG, {200: DuplicateList}, does=FindDuplicates)
async def list_duplicates(request: ApiRequest) -> Answer:
    return await duplicates_answer(request, await request.application.find_duplicates())


@Operation(
    "POST",
    "/library/scans",
    TAG,
    {202: ScanAnswer},
    does=StartScan,
    answer_headers=("Location",),
    body=ScanInput,
    body_example={"root": "/loras/style", "dry_run": True},
    body_optional=True,
    problems=(ProblemKind.INVALID_FILE, ProblemKind.OUTSIDE_LIBRARY),
    path_field="root",
)
async def start_scan(request: ApiRequest) -> Answer:
    body = await request.input_if_any(ScanInput)
    scan = await request.application.start_scan(body.root, dry_run=body.dry_run)
    location = f"/library/scans/{scan.id}".encode()
    return json_answer(ScanAnswer.of(scan), status=202, headers=[(b"location", location)])


@Operation(
    "GET",
    "/library/scans/{id:uuid}",
    TAG,
    {200: ScanAnswer},
    does=ShowScan,
    problems=(ProblemKind.SCAN_NOT_FOUND,),
)
async def show_scan(request: ApiRequest) -> Answer:
    scan = await request.application.show_scan(request.path_id)
    return json_answer(ScanAnswer.of(scan))


HANDLERS = (list_tags, list_duplicates, start_scan, show_scan)
