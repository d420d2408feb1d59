"""Which implementation of HTTP the server speaks with."""

from importlib.util import find_spec

MAX_HEAD_BYTES = 64 * 2**10  # the request line and the headers


def protocol_class() -> str:
    """What ``uvicorn.Config`` takes as ``http``: h11, which has bounds of its own, where httptools is not installed."""
    return "lora_manager.http.bounded_protocol:BoundedHttpProtocol" if find_spec("httptools") else "h11"
