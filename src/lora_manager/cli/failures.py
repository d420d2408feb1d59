"""How failures end a command: what went wrong on stderr, and the exit code.

0 is done, 1 failed, 2 wrong usage.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

import click

from lora_manager.cli.output import visible
from lora_manager.domain.errors import Failure, InvalidFields
from lora_manager.settings import InvalidSettings


class Failed(click.ClickException):
    """The command did not do what it was asked; each line says one thing that stands in its way."""

    def __init__(self, *lines: str) -> None:
        self.lines = lines
        super().__init__("\n".join(lines))

    def show(self, file: IO[Any] | None = None) -> None:
        for line in self.lines:
            click.echo(f"Error: {visible(line)}", file=file, err=True)


class WrongUsage(Failed):
    """The command was asked for something that is never allowed."""

    exit_code = click.UsageError.exit_code


@contextmanager
def told() -> Iterator[None]:
    """What can go wrong ends the command as click's own errors do; anything else is a fault, with its traceback."""
    try:
        yield
    except InvalidSettings as error:
        raise Failed(*(f"{field.name} {field.reason}" for field in error.fields)) from error
    except InvalidFields as error:
        raise WrongUsage(*(f"{field.name} {field.reason}" for field in error.fields)) from error
    except Failure as error:
        raise Failed(str(error)) from error
    except KeyboardInterrupt as error:
        raise Failed("interrupted") from error
    except BrokenPipeError:
        raise  # somebody has read enough, which click ends quietly
    except OSError as error:
        raise Failed(str(error)) from error
