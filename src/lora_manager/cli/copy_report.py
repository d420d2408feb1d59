"""What copying files came to, for people and for machines."""

from lora_manager.app.files.copying import CopyReport
from lora_manager.cli.failures import Failed
from lora_manager.cli.output import print_json, say
from lora_manager.cli.report import print_section


def tell_copied(report: CopyReport, *, dry_run: bool, as_json: bool) -> None:
    """Print the report.

    :raises Failed: some files could not be copied
    """
    if as_json:
        failed = [{"place": place, "reason": reason} for place, reason in report.failed]
        print_json({
            "copied": report.copied,
            "present": report.present,
            "different": report.different,
            "failed": failed,
            "copied_bytes": report.copied_bytes,
        })  # fmt: skip
    else:
        say(f"{len(report.copied):>9,}  {'to copy' if dry_run else 'copied'}")
        say(f"{len(report.present):>9,}  present")
        say(f"{len(report.different):>9,}  different")
        say(f"{len(report.failed):>9,}  failed")
        print_section("Something else is there, and was left as it is (--overwrite replaces it)", report.different)
        print_section("Failed", [f"{place}: {reason}" for place, reason in report.failed])
        if dry_run:
            say()
            say("This was a dry run: nothing was copied.")
    if report.failed:
        raise Failed(f"{len(report.failed)} files were not copied")
