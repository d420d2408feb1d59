"""Looking whether what the service needs is there, before it starts."""

import logging
from collections.abc import Sequence

from lora_manager.domain.errors import Unavailable
from lora_manager.ports.readiness import Part

_logger = logging.getLogger(__name__)


async def check_parts(parts: Sequence[Part]) -> None:
    """Ask every part; one that does not answer now is warned of, since it may be there later.

    :raises InvalidInput: a part will never answer until a setting is changed
    """
    for part in parts:
        try:
            await part.check()
        except Unavailable as error:
            _logger.warning("%s: %s", part.name, error)
