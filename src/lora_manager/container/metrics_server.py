"""A place to fetch metrics from, for a process that serves nothing else."""

from lora_manager.adapters.observability.metrics_server import serving_metrics

__all__ = ["serving_metrics"]
