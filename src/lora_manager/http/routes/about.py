"""The API about itself: its description, a page to try it, and what each problem means."""

from collections.abc import Callable
from functools import cache
from importlib.metadata import distribution
from pathlib import Path

from litestar.exceptions import NotFoundException
from litestar.handlers import HTTPRouteHandler

from lora_manager.http.answer import Answer
from lora_manager.http.operation import Handler, guarded, methods_of
from lora_manager.http.problem_kinds import ProblemKind
from lora_manager.http.request import ApiRequest

# Swagger UI as the distribution offapi packs it; its module builds pages of megabytes when imported, so it is not.
_ASSETS = {
    "swagger-ui.js": ("swagger_bundle.js", b"text/javascript; charset=utf-8"),
    "swagger-ui.css": ("swagger_style.css", b"text/css; charset=utf-8"),
}
_PAGE = b"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>LoRA Manager API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/docs/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="/docs/swagger-ui.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
"""
_START = b"""window.ui = SwaggerUIBundle({
  url: "/schema/openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  tryItOutEnabled: true,
  validatorUrl: null,
});
"""
# The page may load nothing from anywhere else, whatever Swagger UI would like to.
_POLICY = b"default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'"


def _page(path: str) -> Callable[[Handler], HTTPRouteHandler]:
    def decorate(handler: Handler) -> HTTPRouteHandler:
        return HTTPRouteHandler(path, http_method=methods_of("GET"), status_code=200)(guarded("GET", path, handler))

    return decorate


@_page("/docs")
async def show_docs() -> Answer:
    headers = [(b"content-security-policy", _POLICY)]
    return Answer(_PAGE, media_type=b"text/html; charset=utf-8", headers=headers)


@_page("/docs/start.js")
async def show_docs_start() -> Answer:
    return Answer(_START, media_type=b"text/javascript; charset=utf-8")


@_page("/docs/{asset:str}")
async def show_docs_asset(request: ApiRequest) -> Answer:
    name = request.scope["path_params"]["asset"]
    if name not in _ASSETS:
        raise NotFoundException
    return Answer(_asset(name), media_type=_ASSETS[name][1], headers=[(b"cache-control", b"max-age=86400")])


@_page("/problems/{code:str}")
async def explain_problem(request: ApiRequest) -> Answer:
    code = request.scope["path_params"]["code"]
    kind = next((kind for kind in ProblemKind if kind.code == code), None)
    if kind is None:
        raise NotFoundException
    return Answer(f"{kind.title} ({kind.status})\n\n{kind.advice}\n".encode(), media_type=b"text/plain; charset=utf-8")


@cache
def _asset(name: str) -> bytes:
    return Path(str(distribution("offapi").locate_file(f"offapi/{_ASSETS[name][0]}"))).read_bytes()


def show_openapi(document: Callable[[bool], bytes]) -> HTTPRouteHandler:
    """The route of the OpenAPI document.

    :param document: gives it, told whether a key is asked for
    """

    async def handler(request: ApiRequest) -> Answer:
        return Answer(document(request.guard.needs_key()))

    return _page("/schema/openapi.json")(handler)


HANDLERS = (show_docs, show_docs_start, show_docs_asset, explain_problem)
