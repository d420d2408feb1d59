"""What a command starts from: the settings, logging, and the application for as long as it works."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from lora_manager.app.application import Application
from lora_manager.domain.errors import InvalidField
from lora_manager.settings import InvalidSettings, Settings, load_settings

T = TypeVar("T")

ENV_FILE = ".env"


@dataclass(frozen=True, slots=True)
class Session:
    """One call of the command line.

    :param flags: settings given as options, by the names of their variables
    """

    flags: Mapping[str, str]

    def start(self, *, log_level: str = "warning") -> Settings:
        """Read the settings and set up logging.

        :param log_level: what is logged unless LOG_LEVEL says otherwise
        :raises InvalidSettings: naming every wrong one
        """
        settings = load_settings({"LOG_LEVEL": log_level, **_environment(), **self.flags})
        from lora_manager.container.logs import set_up_logging

        set_up_logging(settings.log_format, settings.log_level)
        return settings

    def run(
        self,
        work: Callable[[Application], Awaitable[T]],
        settings: Settings | None = None,
        loop_factory: Callable[[], asyncio.AbstractEventLoop] | None = None,
        *,
        is_measured: bool = False,
    ) -> T:
        """Open the application, do the work with it, and close it again.

        :param loop_factory: makes the event loop; None: asyncio's
        :param is_measured: whether metrics are kept, for somebody to fetch
        :raises Failure: whatever the work raises, and what keeps the application from opening
        """
        from lora_manager.container import open_application

        async def main() -> T:
            async with open_application(settings or self.start(), is_measured=is_measured) as application:
                return await work(application)

        with asyncio.Runner(loop_factory=loop_factory) as runner:
            return runner.run(main())


def _environment() -> dict[str, str]:
    """The environment over the file ``.env`` in the working directory; an empty variable counts as not set."""
    return {**_given(_read_env_file()), **_given(os.environ)}


def _given(variables: Mapping[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in variables.items() if value and value.strip()}


def _read_env_file() -> Mapping[str, str | None]:
    if not os.path.exists(ENV_FILE):
        return {}
    from dotenv import dotenv_values

    try:
        return dotenv_values(ENV_FILE)
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidSettings([InvalidField(ENV_FILE, f"cannot be read: {error}")]) from error
