"""The command ``lora-manager keys``."""

from datetime import UTC, datetime, timedelta

import click

from lora_manager.cli.durations import duration, duration_or_date
from lora_manager.cli.keys import key_as_json, minute, print_keys, scopes_of
from lora_manager.cli.output import print_json, say, visible, warn
from lora_manager.cli.session import Session
from lora_manager.domain.access import ApiKey, Scope

_HOW_TO_SEND = "It is shown this once. Send it as X-API-Key: KEY, or as Authorization: Bearer KEY."

json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
key_argument = click.argument("reference", metavar="ID_OR_NAME")
expires_option = click.option(
    "--expires",
    "expiry",
    type=duration_or_date,
    metavar="WHEN",
    help="For how long it counts (30m, 24h, 90d, 52w), or until when (2030-01-31).  [default: for ever]",
)


@click.group("keys")
def command() -> None:
    """Make, list, rotate and revoke API keys.

    As soon as there is a key, the service lets nobody in without one. Keys are kept in the file that API_KEYS_FILE
    names. A service that runs notices every change within a second.
    """


@command.command("create")
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    required=True,
    type=click.Choice([scope.value for scope in Scope]),
    help="What it allows; repeat it. write and deliver allow reading as well, admin everything.",
)
@expires_option
@json_option
@click.pass_obj
def create(
    session: Session, *, name: str, scopes: tuple[str, ...], expiry: timedelta | datetime | None, as_json: bool
) -> None:
    """Make a key, and print it.

    It is printed this once: what is kept does not tell it again.
    """
    from lora_manager.app.access.create_key import CreateKeyCommand
    from lora_manager.container.keys import keys_of

    settings = session.start()
    keys = keys_of(settings)
    is_first = not keys.store.are_kept() and settings.access.api_key is None
    wanted = frozenset(Scope(scope) for scope in scopes)
    made = keys.create(CreateKeyCommand(name=name, scopes=wanted, expiry=expiry))
    if as_json:
        print_json({"key": key_as_json(made.key, datetime.now(UTC)), "text": made.text})
    else:
        say(made.text)
    _note(_about(made.key))
    _note(_HOW_TO_SEND)
    if is_first:
        warn("this is the first key: from now on the service lets nobody in without one")


@command.command("list")
@json_option
@click.pass_obj
def list_keys(session: Session, *, as_json: bool) -> None:
    """List the keys, those that are revoked or expired included."""
    from lora_manager.container.keys import keys_of

    kept = keys_of(session.start()).store.all()
    now = datetime.now(UTC)
    if as_json:
        print_json({"keys": [key_as_json(key, now) for key in kept]})
    elif kept:
        print_keys(kept, now)
    else:
        say("There are no keys; lora-manager keys create makes one.")


@command.command("rotate")
@key_argument
@click.option(
    "--overlap",
    type=duration,
    metavar="DURATION",
    default="24h",
    show_default=True,
    help="How long the old one goes on counting; 0h: not at all.",
)
@expires_option
@json_option
@click.pass_obj
def rotate(
    session: Session, *, reference: str, overlap: timedelta, expiry: timedelta | datetime | None, as_json: bool
) -> None:
    """Replace a key by a new one of its name and scopes, and print that.

    The old one goes on counting for a while, in which whoever has it can change over.
    """
    from lora_manager.app.access.replace_key import ReplaceKeyCommand
    from lora_manager.container.keys import keys_of

    keys = keys_of(session.start())
    replacement = keys.replace(ReplaceKeyCommand(reference=reference, overlap=overlap, expiry=expiry))
    new, old = replacement.new, replacement.old
    if as_json:
        now = datetime.now(UTC)
        replaced = key_as_json(old, now)
        print_json({"key": key_as_json(new.key, now), "text": new.text, "replaced": replaced})
    else:
        say(new.text)
    _note(_about(new.key))
    _note(_HOW_TO_SEND)
    _note(f"The old one ({old.id}) {_end(old)}.")


@command.command("revoke")
@key_argument
@click.pass_obj
def revoke(session: Session, *, reference: str) -> None:
    """Revoke a key: nobody gets in by it any more.

    Its text does for ID_OR_NAME, too: whoever finds one where it should not be has nothing else.
    """
    from lora_manager.container.keys import keys_of

    settings = session.start()
    keys = keys_of(settings)
    revoked = keys.revoke(reference)
    say(f"{revoked.name} ({revoked.id}) {_end(revoked)}")
    now = datetime.now(UTC)
    if settings.access.api_key is None and not any(key.counts(now) for key in keys.store.all()):
        warn("no key is left that counts, so nobody gets in; lora-manager keys create makes one")


def _note(text: str) -> None:
    """One line on stderr: stdout has the key alone."""
    click.echo(visible(text), err=True)


def _about(key: ApiKey) -> str:
    return f"The key {key.name} ({key.id}) allows {', '.join(scopes_of(key))}. It {_end(key)}."


def _end(key: ApiKey) -> str:
    if key.revoked_at is not None:
        return f"was revoked at {minute(key.revoked_at)}"
    return "never expires" if key.expires_at is None else f"expires at {minute(key.expires_at)}"
