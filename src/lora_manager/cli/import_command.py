"""The command ``lora-manager import``."""

import os
from collections.abc import Sequence
from dataclasses import replace

import click

from lora_manager.app.application import Application
from lora_manager.app.library.scan_library import ScanLibraryCommand
from lora_manager.cli.failures import Failed
from lora_manager.cli.options import json_option
from lora_manager.cli.output import warn
from lora_manager.cli.progress import progress_bar
from lora_manager.cli.report import print_report, print_report_as_json
from lora_manager.cli.session import Session
from lora_manager.domain.scan import Finding


@click.command("import")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...", type=click.Path(exists=True))
@click.option("--dry-run", is_flag=True, help="Show what would happen, and change nothing.")
@json_option
@click.pass_obj
def command(session: Session, *, paths: Sequence[str], dry_run: bool, as_json: bool) -> None:
    """Register the LoRA files in folders, and follow those that moved.

    Each PATH is a folder, with all folders in it, or a file. A file that moved keeps its entry, by its content; one
    that did not change (by size and time) is not read again; one that is no LoRA is named with the reason, and the
    rest goes on. What was registered is kept when you interrupt it with Ctrl-C: the same command goes on from there.
    """
    settings = session.start()
    absolute = [os.path.join(os.getcwd(), path) for path in paths]
    outside = _folders_outside(absolute, settings.library_roots)
    for folder in outside:
        warn(f"{folder} lies in no library root; add it to LIBRARY_ROOTS, or the service will not read what is in it")
    # Whoever calls this may read the files anyway. The roots are for the service, which others may ask.
    settings = replace(settings, library_roots=(*settings.library_roots, *outside))

    async def scan(application: Application) -> list[Finding]:
        with progress_bar() as tell:
            return await application.scan_library(ScanLibraryCommand(paths=tuple(absolute), dry_run=dry_run), tell)

    try:
        findings = session.run(scan, settings)
    except KeyboardInterrupt:
        raise Failed("interrupted; what was registered is kept, and the same command goes on from there") from None
    if as_json:
        print_report_as_json(findings)
    else:
        print_report(findings, dry_run=dry_run)


def _folders_outside(paths: Sequence[str], roots: Sequence[str]) -> list[str]:
    """The folders to add to the roots so that these paths lie inside, by their real paths."""
    inside = tuple(os.path.join(os.path.realpath(root), "") for root in roots)
    real = [os.path.realpath(path) for path in paths]
    folders = dict.fromkeys(path if os.path.isdir(path) else os.path.dirname(path) for path in real)
    return [folder for folder in folders if not os.path.join(folder, "").startswith(inside)]
