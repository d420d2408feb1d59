"""The command ``lora-manager``: its options, its commands, and how it ends."""

import sys
from importlib import import_module
from io import TextIOWrapper

import click

from lora_manager import __version__

# A command is imported when it is called. So the summaries stand here, and not with the commands.
SUMMARIES = {
    "serve": "Serve the REST API.",
    "migrate": "Bring the database up to date.",
    "import": "Register the LoRA files in folders, and follow those that moved.",
    "export": "Write what is known of LoRAs into the sidecars of other tools.",
    "list": "List the registered LoRAs.",
    "show": "Show all that is known of one LoRA.",
    "activate": "Take a LoRA into the composition.",
    "deactivate": "Take a LoRA out of the composition.",
    "compose": "Turn LoRAs into a prompt.",
    "parse": "Take a prompt apart.",
    "validate": "Ask CivitAI what it knows of LoRA files.",
    "sync": "Bring the published metadata into line with the registry.",
    "push": "Copy the files of the library to a bucket.",
    "pull": "Copy the files of a bucket to a folder.",
    "deliver": "Send a prompt to a runtime.",
    "worker": "Send what was accepted for delivery.",
    "keys": "Make, list, rotate and revoke API keys.",
    "doctor": "Look whether all that is needed is well, and say what to do.",
}


class Commands(click.Group):
    """The commands, in the order in which somebody new needs them."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's signature
        return list(SUMMARIES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  # click's signature
        if cmd_name not in SUMMARIES:
            return None
        command: click.Command = import_module(f"lora_manager.cli.{cmd_name}_command").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002  # click's signature
        with formatter.section("Commands"):
            formatter.write_dl(list(SUMMARIES.items()))

    def invoke(self, ctx: click.Context) -> object:
        from lora_manager.cli.failures import told

        with told():
            return super().invoke(ctx)


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("--database-url", metavar="URL", help="Where the registry is kept: sqlite:///... or postgresql://...")
@click.option("--data-dir", metavar="DIR", help="The folder for what the service writes.  [default: data]")
@click.option(
    "--library-roots", metavar="DIRS", help="The folders that LoRA files may lie in, separated by : (on Windows by ;)."
)
@click.version_option(__version__, prog_name="lora-manager")
@click.pass_context
def root(ctx: click.Context, database_url: str | None, data_dir: str | None, library_roots: str | None) -> None:
    """A registry of LoRA files, and the prompts composed of them.

    Settings come from these options, the environment, and the file .env in the working directory, in this order. All
    of them stand in docs/settings.md.
    """
    from lora_manager.cli.session import Session

    flags = {"DATABASE_URL": database_url, "DATA_DIR": data_dir, "LIBRARY_ROOTS": library_roots}
    ctx.obj = Session({name: value for name, value in flags.items() if value is not None})


def run() -> None:
    """Run the command line on the arguments of this process, and exit.

    What the terminal's encoding cannot show is written as an escape instead of ending in an error.
    """
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    root(prog_name="lora-manager")
