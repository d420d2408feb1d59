"""The command ``lora-manager push``."""

import os
from collections.abc import Sequence

import click

from lora_manager.app.application import Application
from lora_manager.app.files.copying import CopyReport
from lora_manager.app.files.push_files import PushFilesCommand
from lora_manager.cli.copy_report import tell_copied
from lora_manager.cli.failures import Failed
from lora_manager.cli.options import dry_run_option, json_option, overwrite_option
from lora_manager.cli.progress import progress_bar
from lora_manager.cli.session import Session


@click.command("push")
@click.argument("paths", nargs=-1, metavar="[PATH]...", type=click.Path(exists=True))
@overwrite_option
@dry_run_option
@json_option
@click.pass_obj
def command(session: Session, *, paths: Sequence[str], overwrite: bool, dry_run: bool, as_json: bool) -> None:
    """Copy the files of the library to a bucket.

    The bucket is S3_BUCKET. Each PATH is a folder in a library root, or a file; without one all roots are copied.
    Sidecars and previews go with their file. A file's key is its path below the root, after S3_PREFIX. What is in the
    bucket already, byte for byte, is left out: a run that was interrupted goes on where it stopped.
    """
    settings = session.start()
    folders = tuple(os.path.abspath(path) for path in paths) or settings.library_roots

    async def push(application: Application) -> CopyReport:
        push_command = PushFilesCommand(folders=folders, overwrite=overwrite, dry_run=dry_run)
        with progress_bar() as tell:
            return await application.push_files(push_command, tell)

    try:
        report = session.run(push, settings)
    except KeyboardInterrupt:
        raise Failed("interrupted; what was copied is kept, and the same command goes on from there") from None
    tell_copied(report, dry_run=dry_run, as_json=as_json)
