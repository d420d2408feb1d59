"""The Litestar application."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import cache

from litestar import Litestar
from litestar.config.cors import CORSConfig
from litestar.handlers import HTTPRouteHandler

from lora_manager.app.application import Application
from lora_manager.http.answer import EmptyAnswer
from lora_manager.http.envelope import Envelope
from lora_manager.http.exposure import Exposure
from lora_manager.http.guard import Guard
from lora_manager.http.openapi import openapi_document
from lora_manager.http.problems import answer_problem
from lora_manager.http.rendering import RenderedAdapters, RenderedCompositions
from lora_manager.http.request import ApiRequest
from lora_manager.http.routes import (
    about,
    adapters,
    deliveries,
    files,
    health,
    library,
    metadata,
    metrics,
    placement,
    prompts,
)

_CORS_REQUEST_HEADERS = (
    "Authorization",
    "Content-Type",
    "Idempotency-Key",
    "If-Match",
    "If-None-Match",
    "Last-Event-ID",
    "Range",
    "X-API-Key",
    "X-Request-ID",
)
_CORS_ANSWER_HEADERS = ("Content-Range", "ETag", "Location", "Retry-After", "X-Request-ID")

OPERATIONS = (
    *adapters.HANDLERS,
    *metadata.HANDLERS,
    *files.HANDLERS,
    *placement.HANDLERS,
    *library.HANDLERS,
    *prompts.HANDLERS,
    *deliveries.HANDLERS,
    *health.HANDLERS,
    *metrics.HANDLERS,
)


def create_app(
    application: AbstractAsyncContextManager[Application],
    stopping: asyncio.Event | None = None,
    exposure: Exposure = Exposure(),  # noqa: B008  # it is frozen
) -> Litestar:
    """The REST service.

    :param application: entered when the server starts and left when it stops: ``open_application(settings)``, or
        ``nullcontext`` of one that is open already
    :param stopping: set when the server is told to stop, so that streams of events end; without it they go on for as
        long as the server lets them
    :param exposure: how far the service is open; unless told more it serves this machine alone until there are keys
    """

    @asynccontextmanager
    async def lifespan(app: Litestar) -> AsyncIterator[None]:
        async with application as opened:
            app.state["application"] = opened
            envelope.metrics = opened.metrics
            app.state["adapters"] = RenderedAdapters()
            app.state["compositions"] = RenderedCompositions()
            app.state["guard"] = Guard(opened.authenticate, opened.rate_limiter, exposure)
            app.state["stopping"] = stopping or asyncio.Event()
            yield

    handlers = [*OPERATIONS, *about.HANDLERS, about.show_openapi(_document)]
    app = Litestar(
        route_handlers=[*_options(handlers), *handlers],
        request_class=ApiRequest,
        lifespan=[lifespan],
        exception_handlers={Exception: answer_problem},  # type: ignore[dict-item]  # an Answer is a response to Litestar
        cors_config=_cors(exposure.cors_origins),
        openapi_config=None,  # see lora_manager.http.openapi
        logging_config=None,  # whoever starts the service decides where its log goes
    )
    # Around all of Litestar: its own middleware sees only what was routed.
    app.asgi_handler = envelope = Envelope(app.asgi_handler)
    return app


@cache
def _document(needs_key: bool) -> bytes:  # noqa: FBT001  # a fact about the document
    """The OpenAPI document, made when it is first asked for: who starts the service need not wait for it."""
    return openapi_document(OPERATIONS, needs_key=needs_key)


def _cors(origins: Sequence[str]) -> CORSConfig | None:
    """Which web pages may use the service; None: those of its own origin alone."""
    if not origins:
        return None
    return CORSConfig(
        allow_origins=list(origins),
        allow_methods=["GET", "POST", "PATCH", "DELETE"],
        allow_headers=list(_CORS_REQUEST_HEADERS),
        expose_headers=list(_CORS_ANSWER_HEADERS),
    )


def _options(handlers: Iterable[HTTPRouteHandler]) -> Iterator[HTTPRouteHandler]:
    """A handler of OPTIONS for each path; Litestar's own knows only the methods of one of the path's handlers."""
    methods: defaultdict[str, set[str]] = defaultdict(lambda: {"OPTIONS"})
    for handler in handlers:
        for path in handler.paths:
            methods[path] |= handler.http_methods
    return (_allow(path, ", ".join(sorted(allowed))) for path, allowed in methods.items())


def _allow(path: str, methods: str) -> HTTPRouteHandler:
    async def show_methods() -> EmptyAnswer:
        return EmptyAnswer(204, [(b"allow", methods.encode())])

    return HTTPRouteHandler(path, http_method="OPTIONS", status_code=200)(show_methods)
