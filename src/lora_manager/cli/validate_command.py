"""The command ``lora-manager validate``."""

from collections.abc import Sequence

import click

from lora_manager.app.application import Application
from lora_manager.app.validation.validate_loras import ValidateLorasCommand, ValidationReport
from lora_manager.cli.failures import Failed
from lora_manager.cli.lookup import find
from lora_manager.cli.options import json_option
from lora_manager.cli.output import print_json, say
from lora_manager.cli.progress import counting_bar
from lora_manager.cli.report import print_section
from lora_manager.cli.session import Session


@click.command("validate")
@click.argument("references", nargs=-1, metavar="[ID_OR_NAME]...")
@click.option("--stale", is_flag=True, help="Only those never judged, judged in vain, or more than 30 days ago.")
@json_option
@click.pass_obj
def command(session: Session, *, references: Sequence[str], stale: bool, as_json: bool) -> None:
    """Ask CivitAI what it knows of LoRA files, and fill in what nobody has set.

    Without an argument, of all of them. Asked for are hashes, nothing else leaves this machine. With
    CIVITAI_VALIDATE_URL set, that service is sent the metadata documents instead. What was said is kept when you
    interrupt it with Ctrl-C: --stale goes on from there.
    """

    async def validate(application: Application) -> ValidationReport:
        found = [lora for reference in references for lora in await find(application, reference)]
        validate_command = ValidateLorasCommand(lora_ids=tuple(lora.id for lora in found), stale=stale)
        with counting_bar("LoRAs") as tell:
            return await application.validate_loras(validate_command, tell)

    try:
        report = session.run(validate)
    except KeyboardInterrupt:
        raise Failed("interrupted; what was said is kept, and validate --stale goes on from there") from None
    if as_json:
        counts = {state.value: count for state, count in report.counts.items()}
        print_json({"counts": counts, "failed": [{"name": name, "reason": why} for name, why in report.failed]})
    else:
        for state, count in report.counts.most_common():
            say(f"{count:>9,}  {state}")
        if not report.counts:
            say("Nothing to ask about.")
        print_section("Failed", [f"{name}: {reason}" for name, reason in report.failed])
    if report.failed:
        raise Failed(f"{len(report.failed)} LoRAs could not be judged; validate --stale tries them again")
