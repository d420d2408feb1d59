"""How far the service is open."""

from dataclasses import dataclass

from lora_manager.settings import AccessSettings
from lora_manager.settings.access import MAX_UPLOAD


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """How far the service is open.

    :param without_key: where no key was ever made, whether those who reach it from other machines are served as well
    :param allowed_hosts: names, in lower case, by which it may be addressed where no key is needed, besides addresses
        and localhost
    :param cors_origins: of web pages that may use it
    :param max_upload_bytes: 1 or more
    """

    without_key: bool = False
    allowed_hosts: frozenset[str] = frozenset()
    cors_origins: tuple[str, ...] = ()
    max_upload_bytes: int = MAX_UPLOAD


def exposure_of(access: AccessSettings, *, without_key: bool = False) -> Exposure:
    """What the settings say."""
    return Exposure(
        without_key=without_key,
        allowed_hosts=access.allowed_hosts,
        cors_origins=access.cors_origins,
        max_upload_bytes=access.max_upload_bytes,
    )
