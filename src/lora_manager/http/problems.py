"""Errors as problem documents (RFC 9457): one table from failures to kinds of problem."""

import logging
from collections.abc import Mapping
from math import ceil
from typing import Any

import msgspec
from litestar import Request
from litestar.exceptions import HTTPException

from lora_manager.app.files.open_file import FileGone, PreviewNotFound
from lora_manager.app.files.upload_file import FileNameTaken
from lora_manager.domain import errors
from lora_manager.domain.access import ScopeMissing, TooManyRequests, Unauthenticated
from lora_manager.domain.delivery import DeliveryNotFound, IdempotencyKeyReused, TransitionNotAllowed
from lora_manager.domain.file import InvalidSafetensors, NotALora
from lora_manager.domain.prompt import NotWritable
from lora_manager.domain.scan import ScanNotFound
from lora_manager.http.answer import Answer, Header, to_json
from lora_manager.http.guard import CrossSite, HostNotAllowed
from lora_manager.http.problem_kinds import ProblemKind
from lora_manager.http.ranges import RangeNotSatisfiable
from lora_manager.http.request import BodyTooLarge, ClientGone, LengthRequired, UnsupportedMediaType
from lora_manager.http.request_id import request_id
from lora_manager.http.schemas.problem import InvalidParam, Problem
from lora_manager.http.strict import MalformedBody

PROBLEM_JSON = b"application/problem+json"
RETRY_AFTER_S = 5
_logger = logging.getLogger(__name__)

# The nearest ancestor of an error decides.
_BY_ERROR: Mapping[type[BaseException], ProblemKind] = {
    Exception: ProblemKind.INTERNAL_ERROR,
    errors.NotFound: ProblemKind.NOT_FOUND,
    errors.LoraNotFound: ProblemKind.ADAPTER_NOT_FOUND,
    ScanNotFound: ProblemKind.SCAN_NOT_FOUND,
    DeliveryNotFound: ProblemKind.DELIVERY_NOT_FOUND,
    FileGone: ProblemKind.FILE_GONE,
    PreviewNotFound: ProblemKind.PREVIEW_NOT_FOUND,
    errors.Conflict: ProblemKind.CONFLICT,
    errors.NameTaken: ProblemKind.NAME_TAKEN,
    FileNameTaken: ProblemKind.FILE_NAME_TAKEN,
    errors.StaleRevision: ProblemKind.STALE_REVISION,
    TransitionNotAllowed: ProblemKind.TRANSITION_NOT_ALLOWED,
    IdempotencyKeyReused: ProblemKind.IDEMPOTENCY_KEY_REUSED,
    errors.InvalidInput: ProblemKind.INVALID_INPUT,
    errors.InvalidFields: ProblemKind.INVALID_FIELDS,
    errors.InvalidFile: ProblemKind.INVALID_FILE,
    errors.FileMissing: ProblemKind.FILE_MISSING,
    errors.FileNotReadable: ProblemKind.FILE_NOT_READABLE,
    errors.OutsideLibrary: ProblemKind.OUTSIDE_LIBRARY,
    InvalidSafetensors: ProblemKind.INVALID_SAFETENSORS,
    NotALora: ProblemKind.NOT_A_LORA,
    NotWritable: ProblemKind.NOT_WRITABLE,
    errors.Forbidden: ProblemKind.FORBIDDEN,
    Unauthenticated: ProblemKind.UNAUTHENTICATED,
    ScopeMissing: ProblemKind.SCOPE_MISSING,
    CrossSite: ProblemKind.CROSS_SITE,
    HostNotAllowed: ProblemKind.HOST_NOT_ALLOWED,
    errors.Unavailable: ProblemKind.UNAVAILABLE,
    TooManyRequests: ProblemKind.TOO_MANY_REQUESTS,
    MalformedBody: ProblemKind.MALFORMED_BODY,
    LengthRequired: ProblemKind.LENGTH_REQUIRED,
    RangeNotSatisfiable: ProblemKind.RANGE_NOT_SATISFIABLE,
    BodyTooLarge: ProblemKind.BODY_TOO_LARGE,
    UnsupportedMediaType: ProblemKind.UNSUPPORTED_MEDIA_TYPE,
    ClientGone: ProblemKind.BAD_REQUEST,
}


def answer_problem(request: Request[Any, Any, Any], error: Exception) -> Answer:
    """The problem document for an error that a handler, or the routing, did not deal with."""
    kind = _kind_of(request, error)
    headers: list[Header] = []
    if kind is ProblemKind.UNAVAILABLE:
        headers.append((b"retry-after", b"%d" % RETRY_AFTER_S))
    if isinstance(error, TooManyRequests):
        headers.append((b"retry-after", b"%d" % ceil(error.wait_s)))
    if kind is ProblemKind.UNAUTHENTICATED:
        headers.append((b"www-authenticate", b'Bearer realm="lora-manager"'))
    if isinstance(error, RangeNotSatisfiable):
        headers.append((b"content-range", b"bytes */%d" % error.size_bytes))
    if kind is ProblemKind.METHOD_NOT_ALLOWED and isinstance(error, HTTPException):
        headers.append((b"allow", _allowed(error).encode()))
    if kind is ProblemKind.INTERNAL_ERROR:
        # The path is quoted: a client could otherwise write lines of its own into the log.
        where = f"{request.scope['method']} {request.scope['path']!r}"
        _logger.error("request %s failed: %s", request_id(request.scope), where, exc_info=error)
    detail = _encodable(_detail(kind, request, error))
    problem = Problem(
        type=kind.type,
        title=kind.title,
        status=kind.status,
        detail=detail,
        request_id=request_id(request.scope),
        invalid_params=_invalid_params(request, error, detail) or msgspec.UNSET,
    )
    return Answer(to_json(problem), status=kind.status, media_type=PROBLEM_JSON, headers=headers)


def _kind_of(request: Request[Any, Any, Any], error: Exception) -> ProblemKind:
    if isinstance(error, HTTPException):  # raised by Litestar's routing
        if error.status_code == ProblemKind.NOT_FOUND.status:
            return ProblemKind.NOT_FOUND
        if error.status_code == ProblemKind.METHOD_NOT_ALLOWED.status:
            return ProblemKind.METHOD_NOT_ALLOWED
        is_the_clients = error.status_code < ProblemKind.INTERNAL_ERROR.status
        return ProblemKind.BAD_REQUEST if is_the_clients else ProblemKind.INTERNAL_ERROR
    if isinstance(error, errors.StaleRevision) and "if-match" in request.headers:
        return ProblemKind.PRECONDITION_FAILED
    return next(_BY_ERROR[ancestor] for ancestor in type(error).__mro__ if ancestor in _BY_ERROR)


def _detail(kind: ProblemKind, request: Request[Any, Any, Any], error: Exception) -> str:
    if isinstance(error, errors.Failure):
        return str(error)
    path = request.scope["path"]
    match kind:
        case ProblemKind.NOT_FOUND:
            return f"there is nothing at {path}"
        case ProblemKind.METHOD_NOT_ALLOWED:
            return f"{path} does not take {request.scope['method']}"
        case ProblemKind.BAD_REQUEST if isinstance(error, HTTPException):
            return error.detail
        case _:
            return "the service met an error that it was not made for; nothing more is told here"


def _invalid_params(request: Request[Any, Any, Any], error: Exception, detail: str) -> tuple[InvalidParam, ...]:
    if isinstance(error, errors.InvalidFields):
        return tuple(InvalidParam.of(field) for field in error.fields)
    if isinstance(error, errors.InvalidFile):
        path_field = request.route_handler.opt["operation"].path_field
        return (InvalidParam(path_field, detail),) if path_field else ()
    return ()


def _allowed(error: HTTPException) -> str:
    methods = (error.headers or {}).get("allow", "")
    return ", ".join(sorted(methods.split(", ")))


def _encodable(text: str) -> str:
    """The text with what UTF-8 cannot hold written out: a file's name need not be Unicode."""
    return text.encode("utf-8", "backslashreplace").decode()
