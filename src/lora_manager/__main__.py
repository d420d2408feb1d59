"""The command ``lora-manager``. The base install is the library alone: without more, this says what to install."""

import sys


def main() -> None:
    """Run the command line and exit with its code."""
    try:
        from lora_manager.cli.main import run

        run()
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing == "lora_manager":
            raise
        sys.exit(f"lora-manager: the command needs the package {missing}: pip install 'lora-manager[server]'")


if __name__ == "__main__":
    main()
