import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import uvloop

from lora_manager.adapters.blobs.artefacts import BlobArtefactStore
from lora_manager.adapters.blobs.local import LocalBlobStore
from lora_manager.adapters.dispatch.cli import CliDispatcher
from lora_manager.adapters.memory.blobs import MemoryBlobStore
from lora_manager.domain.delivery import DispatchFailed, Mode, Result
from lora_manager.domain.errors import Unavailable
from lora_manager.ports.artefacts import Artefact, ArtefactStore
from tests.contract.dispatch.running import ID, ignore, running

PLAIN: Mapping[str, str] = {"PATH": os.environ["PATH"]}
# Connects to the test, so that it learns that the process lives, and by the end of the connection that it does not.
CONNECT = (
    "import signal, socket, subprocess, sys, time; wire = socket.create_connection(('127.0.0.1', int(sys.argv[1])))"
)
STAY = f"{CONNECT}; wire.send(b'ready'); time.sleep(600)"
STUBBORN = f"{CONNECT}; signal.signal(signal.SIGTERM, signal.SIG_IGN); wire.send(b'ready'); time.sleep(600)"
POLITE = f"""{CONNECT}
def leave(*_):
    wire.send(b'goodbye')
    sys.exit(3)
signal.signal(signal.SIGTERM, leave)
wire.send(b'ready')
time.sleep(600)
"""


async def run(
    *argv: str,
    prompt: str = "a quiet harbour",
    environ: Mapping[str, str] = PLAIN,
    artefacts: ArtefactStore | None = None,
    grace_s: float = 5.0,
) -> Result:
    """What comes of a delivery to a command."""
    store = artefacts or BlobArtefactStore(MemoryBlobStore())
    dispatcher = CliDispatcher({"it": argv}, store, environ, grace_s=grace_s)
    return await dispatcher.dispatch(running(Mode.CLI, {"template": "it"}, prompt=prompt), ignore)


async def python(code: str, *arguments: str, prompt: str = "a quiet harbour") -> Result:
    return await run(sys.executable, "-c", code, *arguments, prompt=prompt)


async def failure(*argv: str) -> DispatchFailed:
    with pytest.raises(DispatchFailed) as caught:
        await run(*argv)
    return caught.value


class Wires:
    """Connections from processes, in the order in which they were made."""

    def __init__(self) -> None:
        self.port = 0
        self._arrived: asyncio.Queue[asyncio.StreamReader] = asyncio.Queue()
        self._writers: list[asyncio.StreamWriter] = []

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        self._arrived.put_nowait(reader)

    async def ready(self) -> asyncio.StreamReader:
        """The next process that is ready."""
        reader = await self._arrived.get()
        assert await reader.readexactly(5) == b"ready"
        return reader

    def cut(self) -> None:
        for writer in self._writers:
            writer.transport.abort()


@asynccontextmanager
async def wired() -> AsyncIterator[Wires]:
    wires = Wires()
    server = await asyncio.start_server(wires.accept, "127.0.0.1", 0)
    wires.port = server.sockets[0].getsockname()[1]
    yield wires
    server.close()
    wires.cut()


async def cancelled(task: "asyncio.Task[Result]") -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_the_prompt_goes_to_stdin_where_no_argument_names_a_file() -> None:
    result = await python("import sys; print(sys.stdin.buffer.read())", prompt="ein Kätzchen\n")

    assert result == {
        "exit_code": 0,
        "stdout": f"{'ein Kätzchen'.encode() + bytes([10])!r}\n",
        "stdout_truncated": False,
        "stderr": "",
        "stderr_truncated": False,
    }


async def test_the_prompt_goes_to_a_file_where_an_argument_names_it(tmp_path: Path) -> None:
    code = "import sys; print(open(sys.argv[1].removeprefix('--in='), 'rb').read()); print(sys.stdin.read())"
    artefacts = BlobArtefactStore(LocalBlobStore(str(tmp_path / "artefacts")))

    result = await run(sys.executable, "-c", code, "--in={prompt_file}", artefacts=artefacts)

    assert result["stdout"] == "b'a quiet harbour'\n\n"
    assert str(result["prompt_file"]).startswith(str(tmp_path))


async def test_without_a_command_only_the_prompt_file_is_written() -> None:
    artefacts = MemoryBlobStore()

    result = await CliDispatcher({}, BlobArtefactStore(artefacts)).dispatch(running(Mode.CLI, {}), ignore)

    assert artefacts.contents == {result["prompt_file"]: b"a quiet harbour"}


async def test_placeholders_are_replaced_wherever_they_stand_and_nothing_else_is() -> None:
    result = await python(
        "import sys; print(sys.argv[1:])",
        "{delivery_id}",
        "n={attempt}.{attempt}",
        "{other}",
        "{{attempt}}",
        "$HOME; ls",
    )

    assert result["stdout"] == f"{[str(ID), 'n=1.1', '{other}', '{1}', '$HOME; ls']}\n"


async def test_no_shell_sees_the_prompt_or_an_argument() -> None:
    text = "$(echo no) `echo no` ; echo no | cat > no && \"no' \\ *"

    result = await python("import sys; print(sys.argv[1], sys.stdin.read(), sep='/')", text, prompt=text)

    assert result["stdout"] == f"{text}/{text}\n"


async def test_a_command_is_told_of_the_delivery_and_nothing_that_is_secret() -> None:
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": "/home/somebody",
        "LC_ALL": "C.UTF-8",
        "DATABASE_URL": "postgresql://u:secret@db/x",
        "REDIS_URL": "redis://:secret@cache",
        "API_KEY": "secret",
        "CIVITAI_API_KEY": "secret",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "HTTP_PROXY": "http://u:secret@proxy",
        "LORA_MANAGER_ANYTHING": "secret",
    }

    result = await run(sys.executable, "-c", "import os; print(sorted(os.environ.items()))", environ=environ)

    assert result["stdout"] == "{}\n".format(
        sorted(
            {
                "PATH": os.environ["PATH"],
                "HOME": "/home/somebody",
                "LC_ALL": "C.UTF-8",
                "LORA_MANAGER_DELIVERY_ID": str(ID),
                "LORA_MANAGER_ATTEMPT": "1",
                "IDEMPOTENCY_KEY": str(ID),
            }.items()
        )
    )


async def test_of_much_output_the_beginning_is_kept_and_the_command_goes_on() -> None:
    code = "import sys; sys.stdout.write('o' * 10**7); sys.stderr.write('e' * 70_000); print('x', file=sys.stderr)"

    result = await python(code)

    assert result == {
        "exit_code": 0,
        "stdout": "o" * 65_536,
        "stdout_truncated": True,
        "stderr": "e" * 65_536,
        "stderr_truncated": True,
    }


async def test_output_of_just_the_size_that_is_kept_is_whole() -> None:
    result = await python("import sys; sys.stdout.write('o' * 65536)")

    assert (result["stdout"], result["stdout_truncated"]) == ("o" * 65_536, False)


async def test_output_that_is_no_text_is_kept_as_far_as_it_can_be() -> None:
    result = await python(r"import sys; sys.stdout.buffer.write(b'a\x00\xff\n')")

    assert result["stdout"] == "a\x00\N{REPLACEMENT CHARACTER}\n"


async def test_a_large_prompt_that_is_not_read_stops_nothing() -> None:
    assert (await python("pass", prompt="x" * 10**6))["exit_code"] == 0


async def test_another_exit_code_is_worth_another_try_and_shows_what_was_said() -> None:
    failed = await failure(
        sys.executable, "-c", "import sys; print('so far'); print('one\\ntwo', file=sys.stderr); sys.exit(7)"
    )

    assert (failed.error.code, failed.error.retryable) == ("exit_code", True)
    assert failed.error.message == "the command 'it' ended with exit code 7: two"
    assert failed.result is not None
    assert (failed.result["exit_code"], failed.result["stdout"]) == (7, "so far\n")
    assert failed.result["stderr"] == "one\ntwo\n"


async def test_a_signal_that_ended_a_command_is_named() -> None:
    failed = await failure(sys.executable, "-c", "import os; os.kill(os.getpid(), 9)")

    assert failed.error.message == "the command 'it' ended with signal SIGKILL"
    assert failed.result is not None
    assert failed.result["exit_code"] == -9


@pytest.mark.parametrize("program", ["/nowhere/at-all", "no-such-command", __file__, "/"])
async def test_a_command_that_cannot_be_started_is_final(program: str) -> None:
    failed = await failure(program)

    assert (failed.error.code, failed.error.retryable) == ("not_started", False)
    assert f"check '{program}' in CLI_COMMANDS" in failed.error.message


async def test_a_command_that_is_not_known_any_more_is_final_and_says_which_are() -> None:
    dispatcher = CliDispatcher({"one": ("true",), "two": ("true",)}, BlobArtefactStore(MemoryBlobStore()))

    with pytest.raises(DispatchFailed, match=r"no command 'gone'; add it to CLI_COMMANDS.*: one, two") as caught:
        await dispatcher.dispatch(running(Mode.CLI, {"template": "gone"}), ignore)

    assert (caught.value.error.code, caught.value.error.retryable) == ("unknown_command", False)


async def test_a_prompt_file_that_cannot_be_written_now_is_worth_another_try() -> None:
    class Full(ArtefactStore):
        async def put(self, *_: object) -> Artefact:
            raise Unavailable("the disk is full")

    with pytest.raises(DispatchFailed, match="the disk is full") as caught:
        await run("true", "{prompt_file}", artefacts=Full())

    assert (caught.value.error.code, caught.value.error.retryable) == ("prompt_file", True)


async def test_a_cancelled_command_is_asked_to_end() -> None:
    async with wired() as wires:
        task = asyncio.create_task(run(sys.executable, "-c", POLITE, str(wires.port)))
        process = await wires.ready()
        await cancelled(task)

        assert await process.read() == b"goodbye"


async def test_a_cancelled_command_that_does_not_end_is_killed() -> None:
    async with wired() as wires:
        task = asyncio.create_task(run(sys.executable, "-c", STUBBORN, str(wires.port), grace_s=0.1))
        process = await wires.ready()
        await cancelled(task)

        assert await process.read() == b""


async def test_a_command_that_is_cancelled_twice_is_killed_at_once() -> None:
    async with wired() as wires:
        task = asyncio.create_task(run(sys.executable, "-c", STUBBORN, str(wires.port), grace_s=600))
        process = await wires.ready()
        task.cancel()
        await asyncio.sleep(0)
        await cancelled(task)

        assert await process.read() == b""


@pytest.mark.parametrize("code", [STAY, STUBBORN])
async def test_what_a_cancelled_command_had_started_ends_with_it(code: str) -> None:
    async with wired() as wires:
        starts_another = "import subprocess, sys; subprocess.run([sys.executable, '-c', *sys.argv[1:]])"
        task = asyncio.create_task(run(sys.executable, "-c", starts_another, code, str(wires.port), grace_s=0.2))
        process = await wires.ready()
        await cancelled(task)

        assert await process.read() == b""


async def test_what_a_command_leaves_running_does_not_hold_it_up() -> None:
    code = "import subprocess, sys; print(subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']).pid)"

    result = await python(code)

    left_running = int(str(result["stdout"]))
    os.kill(left_running, signal.SIGKILL)
    assert result["exit_code"] == 0


def test_commands_run_on_the_loop_of_the_service() -> None:
    async def both() -> Result:
        async with wired() as wires:
            task = asyncio.create_task(run(sys.executable, "-c", STAY, str(wires.port)))
            process = await wires.ready()
            await cancelled(task)
            assert await process.read() == b""
        return await python("import sys; print(sys.stdin.read())")

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(both())["stdout"] == "a quiet harbour\n"
