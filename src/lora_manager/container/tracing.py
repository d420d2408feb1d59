"""Where traces go."""

import logging
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager
from functools import cached_property
from importlib.util import find_spec

from lora_manager import __version__
from lora_manager.domain.errors import InvalidInput
from lora_manager.ports.tracing import NoTracer, Tracer
from lora_manager.settings import Settings

_NEEDED = ("opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http")
_logger = logging.getLogger(__name__)


@asynccontextmanager
async def open_tracing(settings: Settings) -> AsyncIterator[Tracer]:
    """What makes spans, for as long as the block lasts; then those that have not been sent are.

    :raises InvalidInput: the settings name a collector, and the package is not there
    """
    if settings.traces_endpoint is None:
        yield NoTracer()
        return
    if not _is_installed():
        raise InvalidInput("OTEL_EXPORTER_OTLP_ENDPOINT needs more: pip install 'lora-manager[server,otel]'")
    async with AsyncExitStack() as stack:
        yield ConfiguredTracer(settings.traces_endpoint, stack)


class ConfiguredTracer(Tracer):
    """Sends to the collector that the settings name, from the first span on: most commands make none, and start a
    fifth of a second sooner without.

    :param stack: closes what was opened
    """

    def __init__(self, endpoint: str, stack: AsyncExitStack) -> None:
        self._endpoint = endpoint
        self._stack = stack

    def span(self, name: str, **attributes: str | int) -> AbstractContextManager[None]:
        return self._tracer.span(name, **attributes)

    @cached_property
    def _tracer(self) -> Tracer:
        from lora_manager.adapters.observability.opentelemetry import open_tracer

        try:
            tracer = open_tracer(self._endpoint, __version__)
        except Exception:
            _logger.exception("nothing is traced: OpenTelemetry refuses a variable OTEL_*")
            return NoTracer()
        self._stack.push_async_callback(tracer.aclose)
        return tracer


def _is_installed() -> bool:
    try:
        return all(find_spec(name) for name in _NEEDED)
    except ModuleNotFoundError:  # not even a package that one of them is in
        return False
