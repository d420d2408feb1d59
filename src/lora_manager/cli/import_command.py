"""The command ``lora-manager import``."""

import os
from collections.abc import Sequence
from dataclasses import replace

import click

from lora_manager.app.application import Application
from lora_manager.app.library.scan_library import ScanLibraryCommand
from lora_manager.cli.failures import Failed
from lora_manager.cli.options import dry_run_option, json_option
from lora_manager.cli.output import warn
from lora_manager.cli.progress import progress_bar
from lora_manager.cli.report import print_report, print_report_as_json
from lora_manager.cli.session import Session
from lora_manager.domain.scan import Finding

_REMOTE = "s3://"


class _LibraryPath(click.Path):
    """A file or folder that is there, or a place in a bucket, which only the bucket can tell."""

    def convert(
        self, value: str | os.PathLike[str], param: click.Parameter | None, ctx: click.Context | None
    ) -> str | bytes | os.PathLike[str]:
        is_remote = isinstance(value, str) and value.startswith(_REMOTE)
        return value if is_remote else super().convert(value, param, ctx)


@click.command("import")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...", type=_LibraryPath(exists=True))
@click.option("--sidecars", is_flag=True, help="Read the sidecars of files that are registered already, too.")
@dry_run_option
@json_option
@click.pass_obj
def command(session: Session, *, paths: Sequence[str], sidecars: bool, dry_run: bool, as_json: bool) -> None:
    """Register the LoRA files in folders, and follow those that moved.

    Each PATH is a folder, with all folders in it, or a file; s3://S3_BUCKET/S3_PREFIX is all of the bucket. A file that
    moved keeps its entry, by its content; one that did not change (by size and time) is not read again; one that is no
    LoRA is named with the reason, and the rest goes on. What was registered is kept when you interrupt it with Ctrl-C:
    the same command goes on from there.

    A new LoRA takes in what other tools left beside its file: weight, triggers, tags, title and description of
    AUTOMATIC1111 (.json), Civitai Helper (.civitai.info) and ComfyUI-Lora-Manager (.metadata.json). With --sidecars one
    that is registered already does so, too, wherever you have not said anything yourself.
    """
    settings = session.start()
    local = [os.path.join(os.getcwd(), path) for path in paths if not path.startswith(_REMOTE)]
    wanted = (*local, *(path for path in paths if path.startswith(_REMOTE)))
    outside = _folders_outside(local, settings.library_roots)
    for folder in outside:
        warn(f"{folder} lies in no library root; add it to LIBRARY_ROOTS, or the service will not read what is in it")
    # Whoever calls this may read the files anyway. The roots are for the service, which others may ask.
    settings = replace(settings, library_roots=(*settings.library_roots, *outside))

    async def scan(application: Application) -> list[Finding]:
        with progress_bar() as tell:
            scan_command = ScanLibraryCommand(paths=wanted, dry_run=dry_run, sidecars=sidecars)
            return await application.scan_library(scan_command, tell)

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
