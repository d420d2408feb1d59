"""Traces by OpenTelemetry, sent to a collector by OTLP over HTTP.

The standard variables ``OTEL_*`` mean what the SDK makes of them. No provider is set for the whole process: what else
in it traces is left alone.
"""

import asyncio
import logging
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from opentelemetry.context import Context, attach, detach, get_current
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import Span, Status, StatusCode, get_current_span, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from lora_manager.ports.tracing import Tracer
from lora_manager.ports.trail import TRACEPARENT, following, trail

SCOPE = "lora_manager"
SERVICE = "lora-manager"
_CLOSE_S = 5.0  # for what has not been sent yet
_W3C = TraceContextTextMapPropagator()
_logger = logging.getLogger(__name__)


class OpenTelemetryTracer(Tracer):
    """Makes spans of a provider.

    :param provider: closed by :meth:`aclose`
    """

    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer(SCOPE)

    @contextmanager
    def span(self, name: str, **attributes: str | int) -> Iterator[None]:
        span = self._tracer.start_span(name, _parent(), attributes=attributes)
        context = set_span_in_context(span)
        token = attach(context)
        try:
            with following(trail(), **_traceparent_of(context)):
                yield
        except BaseException as error:
            _note(span, error)
            raise
        finally:
            detach(token)
            span.end()

    async def aclose(self) -> None:
        """Send what has not been sent, for at most 5 s; it never raises."""
        closing = threading.Thread(target=self._provider.shutdown, daemon=True)  # an exporter may hang for longer
        closing.start()
        await asyncio.to_thread(closing.join, _CLOSE_S)
        if closing.is_alive():
            _logger.warning("the last traces are dropped: the collector did not take them within %g s", _CLOSE_S)


class CalmExporter(SpanExporter):
    """Warns once that spans do not arrive; the next warning comes after some did.

    :param exporter: what sends them
    :param where: to whom, for the warning
    """

    def __init__(self, exporter: SpanExporter, where: str) -> None:
        self._exporter = exporter
        self._where = where
        self._is_failing = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send them."""
        try:
            result = self._exporter.export(spans)
        except Exception:
            _logger.debug("sending traces failed", exc_info=True)
            result = SpanExportResult.FAILURE
        has_failed = result is not SpanExportResult.SUCCESS
        if has_failed and not self._is_failing:
            _logger.warning(
                "traces do not arrive at %s and are dropped; check that a collector listens there for OTLP over HTTP "
                "(LOG_LEVEL=debug tells more)",
                self._where,
            )
        self._is_failing = has_failed
        return result

    def shutdown(self) -> None:
        """Give up what is being sent."""
        try:
            self._exporter.shutdown()
        except Exception:
            _logger.debug("what sends traces did not close", exc_info=True)


def open_tracer(endpoint: str, service_version: str) -> OpenTelemetryTracer:
    """A tracer whose spans go to a collector; to be closed.

    :param endpoint: the collector's address, without a path for traces; OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, which has
        one, wins over it
    :raises Exception: whatever the SDK has against a variable ``OTEL_*``
    """
    exporter = OTLPSpanExporter(os.environ.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") or f"{endpoint}/v1/traces")
    provider = TracerProvider(resource=_resource(service_version), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(CalmExporter(exporter, endpoint)))
    if not _logger.isEnabledFor(logging.DEBUG):
        # It would tell of every batch, every repetition and every dropped span: CalmExporter says what there is to say.
        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
    return OpenTelemetryTracer(provider)


def _resource(service_version: str) -> Resource:
    """What all spans are of; OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES win over our own words."""
    ours = Resource.create({"service.name": SERVICE, "service.version": service_version})
    return ours.merge(OTELResourceDetector().detect())


def _parent() -> Context:
    """Where the open span is, else the one of the trail."""
    current = get_current()
    if get_current_span(current).get_span_context().is_valid:
        return current
    return _W3C.extract(trail(), current)


def _traceparent_of(context: Context) -> Mapping[str, str]:
    """That of the span of this context, by its name; nothing where the SDK is switched off."""
    ids: dict[str, str] = {}
    _W3C.inject(ids, context)
    return {name: ids[name] for name in ids if name == TRACEPARENT}


def _note(span: Span, error: BaseException) -> None:
    kind = type(error).__name__
    span.set_attribute("error.type", kind)
    span.set_status(Status(StatusCode.ERROR, kind))
