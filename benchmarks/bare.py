"""The floor of serving: a bare Litestar app that answers each path with ready bytes.

``python -m benchmarks.bare ANSWERS``; ANSWERS is a JSON file of ``{"METHOD path": "body"}``. Prints its port.
"""

import json
import socket
import sys
from pathlib import Path

import uvicorn
from litestar import Litestar, Response, get, post
from litestar.handlers import HTTPRouteHandler


def _handler(method: str, path: str, body: bytes) -> HTTPRouteHandler:
    if method == "GET":

        @get(path, media_type="application/json")
        async def answer_get() -> Response[bytes]:
            return Response(body)

        return answer_get

    @post(path, media_type="application/json", status_code=200)
    async def answer_post(data: dict[str, object]) -> Response[bytes]:  # noqa: ARG001  # decoded, then not looked at
        return Response(body)

    return answer_post


def main(answers: Path) -> None:
    """Serve until killed."""
    routes = []
    for route, body in json.loads(answers.read_text()).items():
        method, path = route.split(" ")
        routes.append(_handler(method, path.partition("?")[0], body.encode()))
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    app = Litestar(routes, openapi_config=None)
    uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False)).run(sockets=[listener])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
