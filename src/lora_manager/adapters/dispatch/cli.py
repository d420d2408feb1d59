"""Delivering to a command of this machine."""

import errno
import os
import re
import signal
from collections.abc import Mapping
from typing import cast

from lora_manager.adapters.dispatch.process import Exit, run
from lora_manager.domain.delivery import CliTarget, Delivery, DispatchFailed, Result, parse_target
from lora_manager.domain.errors import Unavailable
from lora_manager.ports.artefacts import ArtefactStore
from lora_manager.ports.dispatcher import Dispatcher, Report

PROMPT_FILE = "prompt.txt"
_PLACEHOLDER = re.compile(r"\{(prompt_file|delivery_id|attempt)\}")
# What a command is told of our environment. A list of what is known to be harmless, not of what is secret: a new secret
# would be missing there. A command that needs more gets it by ``env NAME=value`` in CLI_COMMANDS.
_INHERITED = frozenset({
    "CUDA_VISIBLE_DEVICES", "HOME", "LANG", "LANGUAGE", "LD_LIBRARY_PATH", "LOGNAME", "PATH", "SHELL", "SSL_CERT_DIR",
    "SSL_CERT_FILE", "TMPDIR", "TZ", "USER",
})  # fmt: skip
_LACK = frozenset({errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE})  # of processes, memory, open files
_MAX_SAID = 300  # characters of stderr that a message repeats


class CliDispatcher(Dispatcher):
    """Runs a command that the operator has named, never through a shell.

    ``{prompt_file}``, ``{delivery_id}`` and ``{attempt}`` are replaced in its arguments. The prompt goes to the prompt
    file where an argument names it, else to stdin. The command is told little of our environment, and
    LORA_MANAGER_DELIVERY_ID, LORA_MANAGER_ATTEMPT and IDEMPOTENCY_KEY.

    :param commands: the arguments of each command, the program first, by its name in CLI_COMMANDS
    :param artefacts: where prompt files go; one whose files commands can open
    :param environ: our environment
    :param grace_s: seconds that a cancelled command has to end by itself
    """

    def __init__(
        self,
        commands: Mapping[str, tuple[str, ...]],
        artefacts: ArtefactStore,
        environ: Mapping[str, str] = os.environ,
        *,
        grace_s: float = 5.0,
    ) -> None:
        self._commands = commands
        self._artefacts = artefacts
        self._grace_s = grace_s
        self._inherited = {
            name: value for name, value in environ.items() if name in _INHERITED or name.startswith("LC_")
        }

    async def dispatch(self, delivery: Delivery, report: Report) -> Result:
        name = cast("CliTarget", parse_target(delivery.mode, delivery.params)).template
        if name is None:
            return {"prompt_file": await self._prompt_file(delivery)}
        command = self._commands.get(name)
        if command is None:
            message = f"there is no command {name!r}; add it to CLI_COMMANDS, or use one of: {_listed(self._commands)}"
            raise DispatchFailed("unknown_command", message, retryable=False)
        values = {"delivery_id": str(delivery.id), "attempt": str(delivery.fence)}
        stdin = delivery.prompt.encode()
        if any("{prompt_file}" in argument for argument in command):
            values["prompt_file"] = await self._prompt_file(delivery)
            stdin = b""
        argv = [_PLACEHOLDER.sub(lambda match: values[match[1]], argument) for argument in command]
        try:
            ended = await run(argv, self._environment(delivery), stdin, grace_s=self._grace_s)
        except OSError as error:
            raise _not_started(name, argv[0], error) from error
        result = _result(ended)
        if "prompt_file" in values:
            result["prompt_file"] = values["prompt_file"]
        if ended.code != 0:
            raise DispatchFailed("exit_code", _said(name, ended), retryable=True, result=result)
        return result

    async def _prompt_file(self, delivery: Delivery) -> str:
        try:
            return (await self._artefacts.put(delivery.id, PROMPT_FILE, delivery.prompt.encode())).uri
        except Unavailable as error:
            raise DispatchFailed("prompt_file", f"the prompt file was not written: {error}", retryable=True) from error

    def _environment(self, delivery: Delivery) -> dict[str, str]:
        return {
            **self._inherited,
            "LORA_MANAGER_DELIVERY_ID": str(delivery.id),
            "LORA_MANAGER_ATTEMPT": str(delivery.fence),
            "IDEMPOTENCY_KEY": str(delivery.id),
        }


def _result(ended: Exit) -> dict[str, object]:
    return {
        "exit_code": ended.code,
        "stdout": ended.stdout.text,
        "stdout_truncated": ended.stdout.truncated,
        "stderr": ended.stderr.text,
        "stderr_truncated": ended.stderr.truncated,
    }


def _said(name: str, ended: Exit) -> str:
    """One line about a command that failed, with the last that it wrote."""
    how = f"exit code {ended.code}" if ended.code > 0 else f"signal {_signal_name(-ended.code)}"
    last = ended.stderr.text.strip().rpartition("\n")[2].strip()[:_MAX_SAID]
    return f"the command {name!r} ended with {how}" + (f": {last}" if last else "")


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal
        return str(number)


def _not_started(name: str, program: str, error: OSError) -> DispatchFailed:
    message = f"the command {name!r} cannot be started ({error.strerror or error}); check {program!r} in CLI_COMMANDS"
    return DispatchFailed("not_started", message, retryable=error.errno in _LACK)


def _listed(commands: Mapping[str, tuple[str, ...]]) -> str:
    return ", ".join(sorted(commands)) or "none is set"
