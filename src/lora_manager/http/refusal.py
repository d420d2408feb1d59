"""What is answered to a request that does not get as far as the application."""

import secrets

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from lora_manager.http.answer import Header, to_json
from lora_manager.http.envelope import SAFE_HEADERS
from lora_manager.http.problem_kinds import ProblemKind
from lora_manager.http.problems import PROBLEM_JSON
from lora_manager.http.schemas.problem import Problem


class Refused(Exception):
    """A request is not read any further.

    :param detail: what is wrong with it
    """

    def __init__(self, kind: ProblemKind, detail: str) -> None:
        self.kind = kind
        self.request_id = secrets.token_hex(16)  # the client's may not have been read
        super().__init__(detail)

    def answer(self, more: list[Header]) -> bytes:
        """The whole answer, after which the connection is closed.

        :param more: further headers
        """
        kind = self.kind
        body = to_json(
            Problem(type=kind.type, title=kind.title, status=kind.status, detail=str(self), request_id=self.request_id)
        )
        headers = [
            (b"content-type", PROBLEM_JSON),
            (b"content-length", b"%d" % len(body)),
            (b"connection", b"close"),
            (b"x-request-id", self.request_id.encode()),
            *SAFE_HEADERS,
            *more,
        ]
        lines = (b"%s: %s\r\n" % header for header in headers)
        return b"".join((STATUS_LINE[kind.status], *lines, b"\r\n", body))
