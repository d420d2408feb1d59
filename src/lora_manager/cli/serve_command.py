"""The command ``lora-manager serve``."""

import os
from ipaddress import ip_address

import click

from lora_manager import __version__
from lora_manager.app.application import Application
from lora_manager.cli.failures import WrongUsage
from lora_manager.cli.output import say, warn
from lora_manager.cli.session import Session
from lora_manager.domain.access import SHORTEST
from lora_manager.domain.selection import Selection
from lora_manager.settings import Settings

_EVERY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # to be told apart, not to listen on
_WHO = {
    True: "Whoever asks has to send an API key.",
    False: "No API key is asked for, since none was made: `lora-manager keys create` makes one.",
}
_FIRST_ID = """python3 -c 'import json, sys; print(json.load(sys.stdin)["items"][0]["id"])'"""


@click.command("serve")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--port", "listen_port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="0: any free."
)
@click.option("--insecure", is_flag=True, help="Serve whoever reaches it, although there is no API key.")
@click.pass_obj
def command(session: Session, *, host: str, listen_port: int, insecure: bool) -> None:
    """Serve the REST API, until Ctrl-C or SIGTERM.

    Requests in flight are finished then.
    """
    settings = session.start(log_level="info")
    needs_key = _needs_key(settings)
    if not (needs_key or insecure or _is_loopback(host)):
        raise WrongUsage(
            f"{host} can be reached by others, and there is no API key: make one with `lora-manager keys create` "
            "(or set API_KEY), listen on 127.0.0.1, or say --insecure if everybody who reaches it may do everything"
        )
    count = session.run(_count, settings)

    def on_started(actual_port: int) -> None:
        _greet(settings, _base_url(host, actual_port), count, needs_key=needs_key)

    from lora_manager.http.server import serve

    serve(settings, host, listen_port, without_key=insecure, on_started=on_started)


def _needs_key(settings: Settings) -> bool:
    from lora_manager.container.keys import key_store

    return settings.access.api_key is not None or key_store(settings).are_kept()


async def _count(application: Application) -> int:
    return (await application.catalog.page(Selection(limit=1))).total


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _base_url(host: str, actual_port: int) -> str:
    reachable = _EVERY_ADDRESS.get(host, host)
    return f"http://[{reachable}]:{actual_port}" if ":" in reachable else f"http://{reachable}:{actual_port}"


def _greet(settings: Settings, url: str, count: int, *, needs_key: bool) -> None:
    """Say what is served, and what to try next."""
    curl = 'curl -H "X-API-Key: $KEY"' if needs_key else "curl"
    say(f"lora-manager {__version__} at {url} ({url}/docs in a browser). Ctrl-C stops it.")
    say(f"{count:,} LoRAs are registered. LoRA files are read from")
    for root in (*settings.library_roots, *_bucket(settings)):
        say(f"  {root}")
    if settings.metadata.sync:
        say(f"Metadata is published to {_documents(settings)}.")
    say(f"Deliveries are sent by {_sender(settings)}.")
    say(_WHO[needs_key])
    say()
    say("To try next, in another terminal: register the files, list them, activate the first, compose a prompt")
    if needs_key:
        say("  KEY=the API key")
    say(f"  {curl} -X POST {url}/library/scans")
    say(f"  {curl} {url}/adapters")
    say(f"  ID=$({curl} -s {url}/adapters | {_FIRST_ID})")
    say(f'  {curl} -X POST "{url}/adapters/$ID/activate?ordinal=1"')
    say(f"  {curl} {url}/compose -H 'content-type: application/json' -d '{{\"prefix\": \"a quiet harbour\"}}'")
    if settings.access.api_key is not None and len(settings.access.api_key) < SHORTEST:
        warn(f"API_KEY has fewer than {SHORTEST} characters, and may be guessed; make a longer one, by chance")
    for root in settings.library_roots:
        if not os.path.isdir(root):
            warn(f"{root} is no folder; make it, or name another in LIBRARY_ROOTS")


def _sender(settings: Settings) -> str:
    return "this process" if settings.queue_url is None else "lora-manager worker, since QUEUE_URL is set"


def _bucket(settings: Settings) -> list[str]:
    s3 = settings.s3
    return [f"s3://{s3.bucket}/{s3.prefix}".rstrip("/")] if settings.storage_type == "s3" else []


def _documents(settings: Settings) -> str:
    metadata = settings.metadata
    if metadata.bucket is None:
        return str(settings.data_dir / metadata.prefix)
    return f"s3://{metadata.bucket}/{metadata.prefix}".rstrip("/")
