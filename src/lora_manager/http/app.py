"""The Litestar application."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from litestar import Litestar
from litestar.handlers import HTTPRouteHandler

from lora_manager.app.application import Application
from lora_manager.http.answer import EmptyAnswer
from lora_manager.http.openapi import openapi_document
from lora_manager.http.problems import answer_problem
from lora_manager.http.rendering import RenderedAdapters
from lora_manager.http.request import ApiRequest
from lora_manager.http.routes import about, adapters, deliveries, files, health, library, metadata, placement, prompts

OPERATIONS = (
    *adapters.HANDLERS,
    *metadata.HANDLERS,
    *files.HANDLERS,
    *placement.HANDLERS,
    *library.HANDLERS,
    *prompts.HANDLERS,
    *deliveries.HANDLERS,
    *health.HANDLERS,
)


def create_app(
    application: AbstractAsyncContextManager[Application], stopping: asyncio.Event | None = None
) -> Litestar:
    """The REST service.

    :param application: entered when the server starts and left when it stops: ``open_application(settings)``, or
        ``nullcontext`` of one that is open already
    :param stopping: set when the server is told to stop, so that streams of events end; without it they go on for as
        long as the server lets them
    """

    @asynccontextmanager
    async def lifespan(app: Litestar) -> AsyncIterator[None]:
        async with application as opened:
            app.state["application"] = opened
            app.state["adapters"] = RenderedAdapters()
            app.state["stopping"] = stopping or asyncio.Event()
            yield

    handlers = [*OPERATIONS, *about.HANDLERS, about.show_openapi(openapi_document(OPERATIONS))]
    return Litestar(
        route_handlers=[*_options(handlers), *handlers],
        request_class=ApiRequest,
        lifespan=[lifespan],
        exception_handlers={Exception: answer_problem},  # type: ignore[dict-item]  # an Answer is a response to Litestar
        openapi_config=None,  # see lora_manager.http.openapi
        logging_config=None,  # whoever starts the service decides where its log goes
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
