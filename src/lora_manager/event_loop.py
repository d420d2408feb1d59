"""The event loop of processes that run for long: uvloop's where that is installed."""

import asyncio
from collections.abc import Callable

loop_factory: Callable[[], asyncio.AbstractEventLoop]
try:
    import uvloop
except ImportError:  # it is not made for Windows
    loop_factory = asyncio.new_event_loop
else:
    loop_factory = uvloop.new_event_loop
