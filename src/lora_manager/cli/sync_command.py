"""The command ``lora-manager sync``."""

import click

from lora_manager.app.application import Application
from lora_manager.app.metadata.sync_metadata import SyncMetadataCommand, SyncReport
from lora_manager.cli.failures import Failed
from lora_manager.cli.options import dry_run_option, json_option
from lora_manager.cli.output import print_json, say
from lora_manager.cli.progress import counting_bar
from lora_manager.cli.report import print_section
from lora_manager.cli.session import Session


@click.command("sync")
@click.option("--changed", is_flag=True, help="Only what is known to wait, without looking at what is published.")
@dry_run_option
@json_option
@click.pass_obj
def command(session: Session, *, changed: bool, dry_run: bool, as_json: bool) -> None:
    """Bring the published metadata into line with the registry.

    Documents that are missing or out of date are published, those of deleted LoRAs withdrawn; one that is as it should
    be is not written again. METADATA_STORAGE, METADATA_BUCKET and METADATA_PREFIX say where. With METADATA_SYNC on, a
    service does this by itself after every change.
    """

    async def sync(application: Application) -> SyncReport:
        with counting_bar("documents") as tell:
            return await application.sync_metadata(SyncMetadataCommand(changed=changed, dry_run=dry_run), tell)

    try:
        report = session.run(sync)
    except KeyboardInterrupt:
        raise Failed("interrupted; what was published is kept, and the same command goes on from there") from None
    if as_json:
        print_json({
            "published": report.published,
            "withdrawn": report.withdrawn,
            "unchanged": report.unchanged,
            "foreign": report.foreign,
            "failed": {str(lora_id): reason for lora_id, reason in report.failed.items()},
        })  # fmt: skip
    else:
        _print(report, dry_run=dry_run)
    if report.failed:
        raise Failed(f"{len(report.failed)} documents were not published; the same command tries them again")


def _print(report: SyncReport, *, dry_run: bool) -> None:
    say(f"{len(report.published):>9,}  {'to publish' if dry_run else 'published'}")
    say(f"{len(report.withdrawn):>9,}  {'to withdraw' if dry_run else 'withdrawn'}")
    say(f"{report.unchanged:>9,}  unchanged")
    say(f"{len(report.failed):>9,}  failed")
    if report.foreign:
        say(f"{report.foreign:>9,}  of other registries, left alone")
    print_section("Failed", [f"{lora_id}: {reason}" for lora_id, reason in report.failed.items()])
    if dry_run:
        say()
        say("This was a dry run: nothing was published or withdrawn.")
