"""Child processes that print their port, and calls of them."""

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.request import Request, urlopen


@contextmanager
def started(
    command: list[str], environment: dict[str, str], announces: "re.Pattern[str]"
) -> "Iterator[tuple[subprocess.Popen[str], re.Match[str]]]":
    """A child process and the line that says that it is ready; it is ended by its own id."""
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process, next(match for line in process.stdout if (match := announces.search(line)))
    finally:
        process.terminate()
        process.wait(timeout=30)


@contextmanager
def child(command: list[str], environment: dict[str, str], announces: "re.Pattern[str]") -> Iterator[int]:
    """A child process that prints its port, ended by its own id."""
    with started(command, environment, announces) as (_, found):
        yield int(found.group(1))


def call(listen_port: int, method: str, path: str, body: bytes | None = None) -> bytes:
    """The body of the answer."""
    url = f"http://127.0.0.1:{listen_port}{path}"
    with urlopen(Request(url, body, {"Content-Type": "application/json"}, method=method)) as response:
        answer: bytes = response.read()
    return answer
