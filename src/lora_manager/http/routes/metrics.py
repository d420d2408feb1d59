"""What is counted and measured, for Prometheus."""

from lora_manager.domain.errors import Unavailable
from lora_manager.http.answer import Answer
from lora_manager.http.operation import Operation, RawContent
from lora_manager.http.request import ApiRequest
from lora_manager.ports.metrics import Figures

TAG = "health"


@Operation("GET", "/metrics", TAG, {200: RawContent(("text/plain",))})
async def show_metrics(request: ApiRequest) -> Answer:
    """Tell what this process counted and measured, and the figures of the registry, in Prometheus' text format."""
    metrics = request.application.metrics
    exposition = metrics.exposition(await _figures(request))
    return Answer(exposition, media_type=metrics.media_type.encode())


async def _figures(request: ApiRequest) -> Figures | None:
    """The figures of the registry; None while it does not answer, which the metrics say."""
    try:
        return await request.application.figures.figures()
    except Unavailable:
        return None


HANDLERS = (show_metrics,)
