"""Spans that are kept in memory."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import format_span_id, format_trace_id

from lora_manager.adapters.observability.opentelemetry import OpenTelemetryTracer

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
PARENT = f"00-{TRACE}-{SPAN}-01"
TRAIL: Mapping[str, str] = {"request_id": "r-1", "caller": "studio", "traceparent": PARENT}


@dataclass(frozen=True, slots=True)
class KeptSpan:
    """A span that has ended; ids in hexadecimal digits.

    :param parent_id: empty where it begins a trace
    """

    name: str
    trace_id: str
    span_id: str
    parent_id: str
    about: Mapping[str, object]
    status: str | None
    events: int

    @property
    def traceparent(self) -> str:
        return f"00-{self.trace_id}-{self.span_id}-01"


@dataclass(slots=True)
class Spans:
    """A tracer, and the spans that it has made."""

    tracer: OpenTelemetryTracer = field(init=False)
    _exporter: InMemorySpanExporter = field(default_factory=InMemorySpanExporter)

    def __post_init__(self) -> None:
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.tracer = OpenTelemetryTracer(provider)

    @property
    def ended(self) -> list[KeptSpan]:
        """In the order in which they ended."""
        return [_kept(span) for span in self._exporter.get_finished_spans()]

    @property
    def only(self) -> KeptSpan:
        [span] = self.ended
        return span


def _kept(span: ReadableSpan) -> KeptSpan:
    assert span.context is not None
    return KeptSpan(
        name=span.name,
        trace_id=format_trace_id(span.context.trace_id),
        span_id=format_span_id(span.context.span_id),
        parent_id="" if span.parent is None else format_span_id(span.parent.span_id),
        about=dict(span.attributes or {}),
        status=span.status.description,
        events=len(span.events),
    )
