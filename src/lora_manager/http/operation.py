"""One operation of the API: what a client has to know of it, and the route it makes of a handler."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import wraps
from inspect import cleandoc
from typing import Any, Literal

from litestar.handlers import HTTPRouteHandler
from msgspec import Struct

from lora_manager.domain.access import Scope
from lora_manager.http.answer import Answer
from lora_manager.http.problem_kinds import ProblemKind
from lora_manager.http.request import ApiRequest
from lora_manager.http.schemas.input import Input
from lora_manager.http.scopes import scope_of

_BEFORE_ROUTING = (ProblemKind.BAD_REQUEST, ProblemKind.TARGET_TOO_LONG, ProblemKind.HEAD_TOO_LARGE)

Handler = Callable[..., Awaitable[Answer]]  # takes the request, or nothing where nobody is asked who they are


@dataclass(frozen=True, slots=True)
class RawContent:
    """Bytes as they are.

    :param media_types: what they may be
    """

    media_types: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Operation:
    """Decorates a handler: routes to it, and describes it for OpenAPI.

    :param does: the use case, whose docstring describes the operation; None where the handler's own does
    :param answers: what each status of success holds; None for an answer without a body
    :param answer_headers: those of every success
    :param request_headers: those that mean something here
    :param body_optional: whether the body may be absent
    :param raw_body: where the body is no JSON, what it is
    :param problems: those that only some operations answer with
    :param streams: where the answer of status 200 is a stream of server-sent events, what their data holds
    :param path_field: the field of the body that names a file, for errors about that file
    """

    method: Literal["GET", "POST", "PATCH", "DELETE"]
    path: str
    tag: str
    answers: Mapping[int, type[Struct] | RawContent | None]
    does: type | None = None
    answer_headers: tuple[str, ...] = ()
    request_headers: tuple[str, ...] = ()
    body: type[Input] | None = None
    body_example: Mapping[str, object] = field(default_factory=dict)
    body_optional: bool = False
    raw_body: RawContent | None = None
    query: type[Input] | None = None
    problems: tuple[ProblemKind, ...] = ()
    streams: tuple[type[Struct], ...] = ()
    path_field: str | None = None

    @property
    def scope(self) -> Scope | None:
        """What it needs; None: nobody is asked who they are."""
        return scope_of(self.method, self.path)

    @property
    def has_path_id(self) -> bool:
        """Whether the path holds an id."""
        return "{id:uuid}" in self.path

    @property
    def all_problems(self) -> tuple[ProblemKind, ...]:
        """All that this operation answers with, by status."""
        found = {*_BEFORE_ROUTING, ProblemKind.INTERNAL_ERROR, ProblemKind.UNAVAILABLE, *self.problems}
        if self.has_path_id:
            found.add(ProblemKind.NOT_FOUND)
        if self.body is not None:
            found |= {ProblemKind.MALFORMED_BODY, ProblemKind.BODY_TOO_LARGE, ProblemKind.UNSUPPORTED_MEDIA_TYPE}
        if self.scope is not None:
            found |= {ProblemKind.UNAUTHENTICATED, ProblemKind.SCOPE_MISSING, ProblemKind.HOST_NOT_ALLOWED}
            found.add(ProblemKind.TOO_MANY_REQUESTS)
            if self.method != "GET":
                found.add(ProblemKind.CROSS_SITE)
        if self.body is not None or self.query is not None or "If-Match" in self.request_headers:
            found.add(ProblemKind.INVALID_FIELDS)
        return tuple(sorted(found, key=lambda kind: (kind.status, kind.code)))

    def __call__(self, handler: Handler) -> HTTPRouteHandler:
        return HTTPRouteHandler(
            self.path,
            http_method=methods_of(self.method),
            status_code=200,  # of no effect: an Answer brings its own
            operation_id=handler.__name__,
            description=cleandoc((self.does or handler).__doc__ or "").partition("\n\n:")[0],  # :param is for Python
            opt={"operation": self},
        )(guarded(self.method, self.path, handler))


def methods_of(method: str) -> Any:
    """The methods of a route: what can be got, its headers can be asked for alone (RFC 9110 section 9.3.2)."""
    return ["GET", "HEAD"] if method == "GET" else [method]


def guarded(method: str, path: str, handler: Handler) -> Handler:
    """The handler, once whoever asks was let in; every route is made of one."""
    scope = scope_of(method, path)
    if scope is None:
        return handler
    name = f"{method} {path.replace(':uuid', '')}"

    @wraps(handler)
    async def handle(request: ApiRequest) -> Answer:
        await request.admit(scope)
        with request.application.tracer.span(name):
            return await handler(request)

    return handle
