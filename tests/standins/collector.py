"""A collector of traces on the loopback, as OpenTelemetry's own takes them: OTLP over HTTP."""

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue

from tests.standins.http_server import LoopbackServer, Reply, serving


@dataclass(frozen=True)
class CollectedSpan:
    """A span that has arrived; ids in hexadecimal digits.

    :param about: its attributes
    :param of: the attributes of what made it
    :param everything: all that was said of it, as text
    """

    name: str
    trace_id: str
    span_id: str
    parent_id: str
    about: Mapping[str, str | int]
    of: Mapping[str, str | int]
    status: str
    everything: str

    @property
    def traceparent(self) -> str:
        return f"00-{self.trace_id}-{self.span_id}-01"


@dataclass
class Collector:
    """Keeps what is sent to it.

    :param status: what it answers; other than 200 it keeps nothing
    """

    status: int = 200
    spans: list[CollectedSpan] = field(default_factory=list)
    server: LoopbackServer = field(init=False)

    @property
    def url(self) -> str:
        return self.server.url

    async def take(self, method: str, _path: str, headers: Mapping[str, str], body: bytes) -> Reply:
        assert (method, headers["content-type"]) == ("POST", "application/x-protobuf")
        if self.status == 200:
            self.spans += _spans(ExportTraceServiceRequest.FromString(body))
        return self.status, {"Content-Type": "application/x-protobuf"}, b""


@asynccontextmanager
async def collecting(status: int = 200) -> AsyncIterator[Collector]:
    """A collector for as long as the block lasts."""
    collector = Collector(status)
    async with serving(collector.take) as collector.server:
        yield collector


def _spans(request: ExportTraceServiceRequest) -> list[CollectedSpan]:
    return [
        CollectedSpan(
            name=span.name,
            trace_id=span.trace_id.hex(),
            span_id=span.span_id.hex(),
            parent_id=span.parent_span_id.hex(),
            about=_values(span.attributes),
            of=_values(resource.resource.attributes),
            status=span.status.message,
            everything=str(span),
        )
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]


def _values(attributes: Iterable[KeyValue]) -> dict[str, str | int]:
    return {one.key: getattr(one.value, one.value.WhichOneof("value") or "") for one in attributes}
