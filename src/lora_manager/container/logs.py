"""Logging, for whoever starts a process."""

from lora_manager.adapters.observability.logs import set_up_logging

__all__ = ["set_up_logging"]
