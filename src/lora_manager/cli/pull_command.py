"""The command ``lora-manager pull``."""

import os

import click

from lora_manager.app.application import Application
from lora_manager.app.files.copying import CopyReport
from lora_manager.app.files.pull_files import PullFilesCommand
from lora_manager.cli.copy_report import tell_copied
from lora_manager.cli.failures import Failed, WrongUsage
from lora_manager.cli.options import dry_run_option, json_option, overwrite_option
from lora_manager.cli.progress import progress_bar
from lora_manager.cli.session import Session


@click.command("pull")
@click.argument("prefix", default="")
@click.option("--to", "folder", metavar="DIR", help="The folder to copy to.  [default: the first library root]")
@overwrite_option
@dry_run_option
@json_option
@click.pass_obj
def command(
    session: Session, *, prefix: str, folder: str | None, overwrite: bool, dry_run: bool, as_json: bool
) -> None:
    """Copy the files of a bucket to a folder.

    The bucket is S3_BUCKET. PREFIX, such as style/, chooses the files whose key begins with it. Sidecars and previews
    come with their file. What is there already, byte for byte, is left out: a run that was interrupted goes on where it
    stopped.
    """
    settings = session.start()
    if folder is None and not settings.library_roots:
        raise WrongUsage("there is no library root to copy to: set LIBRARY_ROOTS, or name a folder with --to")
    target = os.path.abspath(folder or settings.library_roots[0])

    async def pull(application: Application) -> CopyReport:
        pull_command = PullFilesCommand(folder=target, prefix=prefix, overwrite=overwrite, dry_run=dry_run)
        with progress_bar() as tell:
            return await application.pull_files(pull_command, tell)

    try:
        report = session.run(pull, settings)
    except KeyboardInterrupt:
        raise Failed("interrupted; what was copied is kept, and the same command goes on from there") from None
    tell_copied(report, dry_run=dry_run, as_json=as_json)
