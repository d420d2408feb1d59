"""A name for a worker."""

import os
import secrets
import socket


def worker_name() -> str:
    """The host and the process id, and a few digits that tell a restarted process from the one before."""
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(2)}"
