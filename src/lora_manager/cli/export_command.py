"""The command ``lora-manager export``."""

import os
from collections.abc import Sequence

import click

from lora_manager.app.application import Application
from lora_manager.app.files.export_sidecars import ExportReport, ExportSidecarsCommand
from lora_manager.cli.failures import Failed
from lora_manager.cli.lookup import find
from lora_manager.cli.options import dry_run_option, json_option
from lora_manager.cli.output import print_json, say
from lora_manager.cli.progress import counting_bar
from lora_manager.cli.report import print_section
from lora_manager.cli.session import Session
from lora_manager.domain.sidecar import SidecarFormat


@click.command("export")
@click.argument("references", nargs=-1, metavar="[ID_OR_NAME]...")
@click.option(
    "--format",
    "formats",
    multiple=True,
    type=click.Choice([sidecar_format.value for sidecar_format in SidecarFormat]),
    help="For which tool; repeat it for several.  [default: all]",
)
@click.option("--to", metavar="DIR", type=click.Path(file_okay=False), help="Write there, with the previews.")
@click.option("--overwrite", is_flag=True, help="Update the files that are there; what is not ours in them stays.")
@dry_run_option
@json_option
@click.pass_obj
def command(
    session: Session,
    *,
    references: Sequence[str],
    formats: Sequence[str],
    to: str | None,
    overwrite: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Write what is known of LoRAs into the sidecars of other tools.

    Without an id or a name all LoRAs are exported. The files go beside those of the LoRAs: a1111 is the .json of
    AUTOMATIC1111 and its kin, civitai-info the .civitai.info of Civitai Helper (for what CivitAI is known to have),
    lora-manager the .metadata.json of ComfyUI-Lora-Manager.
    """
    folder = None if to is None else os.path.abspath(to)

    async def export(application: Application) -> ExportReport:
        chosen = [lora for reference in references for lora in await find(application, reference)]
        export_command = ExportSidecarsCommand(
            lora_ids=tuple(dict.fromkeys(lora.id for lora in chosen)),
            formats=tuple(map(SidecarFormat, dict.fromkeys(formats))) or tuple(SidecarFormat),
            to=folder,
            overwrite=overwrite,
            dry_run=dry_run,
        )
        with counting_bar("LoRAs") as tell:
            return await application.export_sidecars(export_command, tell)

    try:
        report = session.run(export)
    except KeyboardInterrupt:
        raise Failed("interrupted; what was written is kept, and the same command goes on from there") from None
    if as_json:
        _print_as_json(report)
    else:
        _print(report, dry_run=dry_run, overwrite=overwrite)
    if report.failed:
        raise Failed(f"{len(report.failed)} files were not written")


def _print(report: ExportReport, *, dry_run: bool, overwrite: bool) -> None:
    say(f"{len(report.written):>9,}  {'to write' if dry_run else 'written'}")
    say(f"{len(report.kept):>9,}  kept")
    say(f"{len(report.failed):>9,}  failed")
    if report.unknown:
        say(f"{report.unknown:>9,}  without a .civitai.info: CivitAI is not known to have them (lora-manager validate)")
    if not overwrite:
        print_section("Was there already, and was left as it is (--overwrite updates it)", report.kept)
    print_section("Failed", [f"{path}: {reason}" for path, reason in report.failed])
    if dry_run:
        say()
        say("This was a dry run: nothing was written.")


def _print_as_json(report: ExportReport) -> None:
    failed = [{"path": path, "reason": reason} for path, reason in report.failed]
    print_json({"written": report.written, "kept": report.kept, "unknown": report.unknown, "failed": failed})
