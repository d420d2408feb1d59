"""The OpenAPI document, built from the types that decode the requests and the operations that answer them.

Litestar builds such a document from typed parameters. Ours are decoded strictly by ``ApiRequest``, out of its sight.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from http import HTTPStatus
from typing import Any

import msgspec
from litestar.handlers import HTTPRouteHandler
from msgspec import Struct

import lora_manager
from lora_manager.http.operation import Operation, RawContent
from lora_manager.http.problem_kinds import ProblemKind
from lora_manager.http.schemas.problem import Problem

Json = dict[str, Any]

_INFO = {
    "title": "LoRA Manager",
    "version": lora_manager.__version__,
    "description": (
        "A registry of LoRA files, and the prompts composed of them. Nothing that is sent is coerced. Errors are "
        "problem documents (RFC 9457) that name all that is wrong at once. Every answer carries an `X-Request-ID`, "
        "the client's own where it sent one."
    ),
    "license": {"name": "MIT", "identifier": "MIT"},
}
_FIRST_SENTENCE = re.compile(r"(?<!\.)\.(?:\s|$)|\n\n")  # "1, 2, 3 ... in order" goes on
_TAGS = {
    "adapters": "Registered LoRAs, one by one and listed",
    "placement": "Which of them a composition takes, in which order, and one thing done to many",
    "files": "LoRA files and previews to fetch, LoRA files to send",
    "library": "The files on disk: scans, tags, duplicates",
    "prompts": "Composing prompts and taking them apart",
    "deliveries": "Prompts on their way to a runtime: accepted once, tried until they arrive",
    "health": "Whether the service is there and can work, and what it counted",
}
_HEADERS = {
    "Accept-Ranges": ("A range may be asked for", "bytes"),
    "Content-Disposition": ("What to call the file", 'attachment; filename="ink-wash.safetensors"'),
    "Content-Range": ("Which of its bytes these are, and how many it has", "bytes 0-999/302055424"),
    "ETag": ("The adapter's revision in quotes; of a file, what changes with its content", '"3"'),
    "Last-Modified": ("When the file was written", "Sat, 31 Jan 2026 12:00:00 GMT"),
    "Location": ("Where to find it", "/adapters/01890a5d-ac96-774b-bcce-b302099a8057"),
    "Retry-After": ("Seconds to wait before trying again", "5"),
    "WWW-Authenticate": ("How to say who you are", 'Bearer realm="lora-manager"'),
    "X-Request-ID": (
        "Which request it was: the id that came with it, or a new one",
        "3f2a9c51d0b84e7e9a6c1f0d5b7e2c48",
    ),
    "If-Match": ("Change it only if it is still at this revision", '"3"'),
    "Idempotency-Key": (
        "1 to 255 printable ASCII characters: the same key and request again is the same delivery",
        "harbour-2026-01-31",
    ),
    "Last-Event-ID": ("Go on behind this event", "2"),
    "If-Modified-Since": ("Send it only if its Last-Modified is another one", "Sat, 31 Jan 2026 12:00:00 GMT"),
    "If-None-Match": ("Show it only if its ETag is none of these", '"3"'),
    "If-Range": ("Send the range only if the file still has this ETag, else all of it", '"3"'),
    "Range": ("One stretch of bytes; several, or what cannot be read, is answered with all of them", "bytes=0-999"),
}
_SECURITY_SCHEMES: Json = {
    "api_key": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "An API key"},
    "bearer": {"type": "http", "scheme": "bearer", "description": "The same API key"},
}
_ANSWER_HEADERS = (
    "Accept-Ranges",
    "Content-Disposition",
    "Content-Range",
    "ETag",
    "Last-Modified",
    "Location",
    "Retry-After",
    "WWW-Authenticate",
    "X-Request-ID",
)
_PROBLEM_HEADERS = {
    ProblemKind.UNAVAILABLE: ("Retry-After",),
    ProblemKind.TOO_MANY_REQUESTS: ("Retry-After",),
    ProblemKind.UNAUTHENTICATED: ("WWW-Authenticate",),
}
_DESCRIPTIONS = {
    204: "There is nothing more to say",
    304: "It is still what the client has",
    307: "It is to be fetched from the address in Location",
}


def openapi_document(handlers: Iterable[HTTPRouteHandler], *, needs_key: bool = False) -> bytes:
    """The document (OpenAPI 3.1) as JSON.

    :param needs_key: whether a key is asked for
    """
    operations: list[tuple[HTTPRouteHandler, Operation]] = [(handler, handler.opt["operation"]) for handler in handlers]
    types = sorted({kind for _, operation in operations for kind in _types(operation)}, key=lambda kind: kind.__name__)
    _, schemas = msgspec.json.schema_components(types, ref_template="#/components/schemas/{name}")
    paths: Json = {}
    for handler, operation in operations:
        path = paths.setdefault(operation.path.replace(":uuid", ""), {})
        path[operation.method.lower()] = _described(handler, operation, schemas) | _security(operation, needs_key)
    queries = {operation.query.__name__ for _, operation in operations if operation.query}
    document = {
        "openapi": "3.1.0",
        "info": _INFO,
        "servers": [{"url": "/"}],
        "tags": [{"name": name, "description": description} for name, description in _TAGS.items()],
        "paths": paths,
        "components": {
            "schemas": {name: schema for name, schema in schemas.items() if name not in queries},
            "headers": {name: _header(name) for name in _ANSWER_HEADERS},
            "securitySchemes": _SECURITY_SCHEMES,
        },
    }
    return msgspec.json.encode(document)


def _types(operation: Operation) -> Iterator[type[Struct]]:
    yield Problem
    for kind in (operation.body, operation.query, *operation.answers.values(), *operation.streams):
        if kind is not None and not isinstance(kind, RawContent):
            yield kind


def _described(handler: HTTPRouteHandler, operation: Operation, schemas: Json) -> Json:
    description = handler.description or ""
    described: Json = {
        "operationId": handler.operation_id,
        "tags": [operation.tag],
        "summary": _FIRST_SENTENCE.split(description, maxsplit=1)[0].replace("\n", " "),
        "description": description,
        "parameters": [*_parameters(operation, schemas)],
        "responses": {str(status): response for status, response in sorted(_responses(operation).items())},
    }
    if operation.body is not None:
        content = {"schema": _reference(operation.body), "example": operation.body_example}
        described["requestBody"] = {
            "required": not operation.body_optional,
            "content": {"application/json": content},
        }
    if operation.raw_body is not None:
        described["requestBody"] = {"required": True, "content": _raw(operation.raw_body)}
    return described


def _security(operation: Operation, needs_key: bool) -> Json:  # noqa: FBT001  # a fact about the document
    """Who may: with ``{}`` anybody, but a key that is sent all the same has to be right once one is needed."""
    if operation.scope is None:
        return {"security": []}
    needed = [{name: [operation.scope.value]} for name in _SECURITY_SCHEMES]
    return {"security": needed if needs_key else [{}, *needed]}


def _raw(content: RawContent) -> Json:
    return {media_type: {"schema": {"type": "string", "format": "binary"}} for media_type in content.media_types}


def _reference(kind: type[Struct]) -> Json:
    return {"$ref": f"#/components/schemas/{kind.__name__}"}


def _parameters(operation: Operation, schemas: Json) -> Iterator[Json]:
    if operation.has_path_id:
        yield {"name": "id", "in": "path", "required": True, "schema": {"type": "string", "format": "uuid"}}
    if operation.query is not None:
        query = schemas[operation.query.__name__]
        for name, schema in query["properties"].items():
            described = {"name": name, "in": "query", "description": schema.get("description", ""), "schema": schema}
            yield {**described, "required": name in query.get("required", ())}
    for name in operation.request_headers:
        yield {"name": name, "in": "header", **_header(name)}


def _header(name: str) -> Json:
    description, example = _HEADERS[name]
    return {"description": description, "schema": {"type": "string"}, "example": example}


def _responses(operation: Operation) -> dict[int, Json]:
    responses: dict[int, Json] = {}
    for status, kind in operation.answers.items():
        responses[status] = {
            "description": _DESCRIPTIONS.get(status, HTTPStatus(status).phrase),
            "headers": _headers(*operation.answer_headers),
        }
        if isinstance(kind, RawContent):
            responses[status]["content"] = _raw(kind)
        elif kind is not None:
            responses[status]["content"] = {"application/json": {"schema": _reference(kind)}}
        elif operation.streams and status == HTTPStatus.OK:
            responses[status]["content"] = {"text/event-stream": {"schema": _event(operation.streams)}}
    problems: dict[int, list[ProblemKind]] = {}
    for problem in operation.all_problems:
        problems.setdefault(problem.status, []).append(problem)
    for status, kinds in problems.items():
        examples = {problem.code: {"summary": problem.title, "value": _example(problem)} for problem in kinds}
        responses[status] = {
            "description": "; ".join(problem.title for problem in kinds),
            "headers": _headers(*(name for kind in kinds for name in _PROBLEM_HEADERS.get(kind, ()))),
            "content": {"application/problem+json": {"schema": _reference(Problem), "examples": examples}},
        }
    return responses


def _event(kinds: Iterable[type[Struct]]) -> Json:
    """One event of a stream: what OpenAPI 3.2 calls ``itemSchema``, 3.1 has no word for."""
    data = {"anyOf": [*map(_reference, kinds)]}
    return {
        "description": "One event of the stream",
        "type": "object",
        "properties": {
            "id": {"type": "string", "description": "Its number; absent where it is no line of the history"},
            "event": {"type": "string", "examples": ["delivery.started"]},
            "data": {"type": "string", "contentMediaType": "application/json", "contentSchema": data},
        },
        "required": ["event", "data"],
    }


def _headers(*names: str) -> Json:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in (*names, "X-Request-ID")}


def _example(kind: ProblemKind) -> Mapping[str, object]:
    example: dict[str, object] = {
        "type": kind.type,
        "title": kind.title,
        "status": kind.status,
        "detail": "Here stands what happened this time",
        "request_id": "3f2a9c51d0b84e7e9a6c1f0d5b7e2c48",
    }
    if kind is ProblemKind.INVALID_FIELDS:
        example["invalid_params"] = [{"name": "weight", "reason": "must be a finite number"}]
    return example
