"""Secrets from the machine's randomness."""

import secrets

from lora_manager.domain.access import key_text


def new_key_text() -> str:
    """The text of a new API key."""
    return key_text(secrets.token_hex(6), secrets.token_urlsafe(32))
