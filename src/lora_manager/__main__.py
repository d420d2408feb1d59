"""The command ``lora-manager``. The base install is the library alone: without more, this says what to install."""

import gc
import sys

_GC_THRESHOLD = 100_000  # new objects; at Python's 700, looking for cycles takes a tenth of a start and of an import


def main() -> None:
    """Run the command line and exit with its code."""
    gc.set_threshold(_GC_THRESHOLD)
    try:
        from lora_manager.cli.main import run

        run()
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing == "lora_manager":
            raise
        sys.exit(f"lora-manager: the command needs the package {missing}: pip install 'lora-manager[server]'")
    finally:
        gc.freeze()  # the interpreter looks for cycles once more as it ends, which takes a quarter of a second


if __name__ == "__main__":
    main()
