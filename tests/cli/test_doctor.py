"""``lora-manager doctor``: what it finds in whole deployments, and how it tells that."""

import asyncio
import json
import os
import pty
import subprocess
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from lora_manager.adapters.checks.disk_space import DiskSpace
from lora_manager.cli import doctor_command
from lora_manager.container import doctor
from lora_manager.ports.diagnosis import Check, Diagnosis, Health
from tests.cli.receiver import Replies, receiving, to
from tests.cli.terminal import read_all
from tests.cli.workplace import Workplace
from tests.contract.redis_server import redis_server_in
from tests.contract.s3_server import S3Server
from tests.contract.stores import NewUrl
from tests.standins.http_server import Reply

SUBJECTS = (
    "database",
    "library root",
    "data folder",
    "folders",
    "disk space",
    "bucket",
    "metadata store",
    "queue",
    "CivitAI",
    "runtimes",
    "commands",
    "API keys",
)
UNKNOWN: Reply = (404, {"Content-Type": "application/json"}, b'{"error": "Model not found"}')
TAKEN: Reply = (200, {}, b"")
NOBODY = "127.0.0.1:1"


@pytest.fixture(autouse=True)
def roomy_disks(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is left of the disk here is not what is tested."""
    usage = partial(DiskSpace, usage=lambda _: (10**12, 10**11, 9 * 10**11))
    monkeypatch.setattr(doctor, "DiskSpace", usage)


@pytest.fixture
def civitai_url() -> Iterator[str]:
    with receiving(Replies(UNKNOWN)) as server:
        yield server.url


@pytest.fixture
def place(workplace: Workplace, civitai_url: str, monkeypatch: pytest.MonkeyPatch) -> Workplace:
    """A library with a LoRA in it; CivitAI is within reach."""
    workplace.put("ink", "1")
    (workplace.folder / ".env").write_text(f"CIVITAI_BASE_URL={civitai_url}\n")
    monkeypatch.setenv("NO_COLOR", "")
    return workplace


def findings(place: Workplace, **environment: str) -> dict[str, dict[str, Any]]:
    """What is found, the worst by its subject."""
    told = json.loads(place.run("doctor", "--json", **environment).stdout)["findings"]
    severity = ["good", "doubtful", "bad"]
    return {one["subject"]: one for one in sorted(told, key=lambda one: severity.index(one["health"]))}


def test_a_fresh_deployment_is_well_and_stays_fresh(place: Workplace) -> None:
    lines = place.ok("doctor").splitlines()
    assert [line[:6] for line in lines[:-2]] == ["ok    "] * len(SUBJECTS)
    assert all(line[6:].startswith(subject) for line, subject in zip(lines, SUBJECTS, strict=False))
    assert lines[-2:] == ["", "12 good, 0 doubtful, 0 bad"]
    assert sorted(os.listdir(place.folder)) == [".env", "loras"]


def test_a_deployment_at_work_is_well(place: Workplace) -> None:
    place.ok("list")
    assert place.ok("doctor").endswith("\n12 good, 0 doubtful, 0 bad\n")


def test_json_is_all_findings_and_the_worst_health(place: Workplace) -> None:
    told = place.json("doctor")
    assert told.keys() == {"findings", "health"}
    assert told["health"] == "good"
    assert told["findings"][7] == {
        "subject": "queue",
        "health": "good",
        "finding": "none is set; lora-manager serve sends deliveries itself",
        "advice": None,
    }


def test_what_is_doubtful_is_no_failure(place: Workplace) -> None:
    (place.library / "ink.safetensors").unlink()
    result = place.run("doctor")
    assert (result.exit_code, result.stderr) == (0, "")
    assert f"look  library root {place.library}: 0 LoRA files\n      -> put LoRA files there" in result.stdout
    assert result.stdout.endswith("11 good, 1 doubtful, 0 bad\n")
    assert place.json("doctor")["health"] == "doubtful"


@pytest.mark.parametrize("options", [(), ("--json",)], ids=["text", "json"])
def test_all_is_told_when_nothing_works_but_no_secret(place: Workplace, options: Sequence[str]) -> None:
    result = place.run(
        "--library-roots", "nowhere:loras",
        "doctor", *options,
        API_KEY="hush",
        API_KEYS_FILE=str(place.folder / "gone.json"),
        AWS_ACCESS_KEY_ID="AKIDHUSH",
        AWS_SECRET_ACCESS_KEY="hush/hush",
        CIVITAI_API_KEY="hush-hush",
        CIVITAI_BASE_URL=f"http://{NOBODY}",
        CLI_COMMANDS='{"draw": ["no-such-program", "--password", "hush"]}',
        DATABASE_URL=f"postgresql://ann:hush@{NOBODY}/loras?password=hush",
        DATA_DIR=str(place.library / "ink.safetensors" / "data"),
        DELIVERY_ALLOWED_HOSTS=NOBODY,
        LOG_LEVEL="debug",
        METADATA_SYNC="on",
        QUEUE_URL=f"redis://ann:hush@{NOBODY}/0",
        S3_BUCKET="loras",
        S3_ENDPOINT=f"http://{NOBODY}",
    )  # fmt: skip
    assert result.exit_code == 1
    assert "hush" not in (result.stdout + result.stderr).lower()
    if options:
        told = json.loads(result.stdout)
        bad = {one["subject"] for one in told["findings"] if one["health"] == "bad"}
        assert told["health"] == "bad"
        assert bad == {
            "database", f"library root {place.folder}/nowhere", "data folder", "bucket", "metadata store", "queue",
            "commands", "API keys",
        }  # fmt: skip
    else:
        assert result.stdout.count("FAIL  ") == 8
        assert f"look  runtime localhost:1: {NOBODY} cannot be reached" in result.stdout
        assert result.stdout.endswith("8 bad\n")


def test_a_wrong_setting_stops_it_as_it_stops_every_command(place: Workplace) -> None:
    result = place.run("doctor", LOG_LEVEL="loud", STORAGE_TYPE="tape")
    assert (result.exit_code, result.stdout) == (1, "")
    assert len(result.stderr.splitlines()) == 2


def test_a_database_url_that_cannot_be_used_is_a_finding(place: Workplace) -> None:
    result = place.run("doctor", DATABASE_URL="mysql://ann:hush@host/loras")
    assert result.exit_code == 1
    assert "FAIL  database: DATABASE_URL must be sqlite:///" in result.stdout
    assert result.stdout.endswith("1 bad\n")
    assert "hush" not in result.stdout


def test_a_server_that_answers_is_well_and_without_tables_it_asks_for_them(place: Workplace, new_url: NewUrl) -> None:
    migrated, empty = new_url("postgresql"), new_url("postgresql", migrated=False)
    assert findings(place, DATABASE_URL=migrated, QUEUE_URL=empty)["database"]["health"] == "good"
    asked = findings(place, DATABASE_URL=empty)["database"]
    assert (asked["health"], asked["advice"]) == ("bad", "run lora-manager migrate")


def test_buckets_that_are_there_are_well_and_stay_as_they_were(place: Workplace, s3_server: S3Server) -> None:
    bucket = s3_server.make_bucket()
    found = findings(place, **s3_server.settings, S3_BUCKET=bucket, S3_PREFIX="loras", METADATA_SYNC="on")
    assert found["bucket"]["finding"] == f"s3://{bucket}/loras answers, and takes our key"
    assert found["metadata store"]["finding"] == f"s3://{bucket}/metadata answers, and takes our key"
    assert {found["bucket"]["health"], found["metadata store"]["health"]} == {"good"}
    assert s3_server.keys(bucket) == []


def test_buckets_that_are_not_there_are_named_with_the_setting_to_correct(
    place: Workplace, s3_server: S3Server
) -> None:
    wrong = {"S3_BUCKET": "not-there", "METADATA_BUCKET": "nor-this", "METADATA_SYNC": "on", "STORAGE_TYPE": "s3"}
    found = findings(place, **s3_server.settings, **wrong)
    assert found["bucket"]["health"] == found["metadata store"]["health"] == "bad"
    assert "no bucket 'not-there'" in found["bucket"]["finding"]
    assert found["bucket"]["advice"] == "make it, or correct S3_BUCKET"
    assert found["metadata store"]["advice"] == "make it, or correct METADATA_BUCKET"


def test_documents_on_a_local_disk_are_told_with_their_folder(place: Workplace) -> None:
    found = findings(place, METADATA_SYNC="on")["metadata store"]
    assert (found["health"], found["finding"]) == ("good", f"documents go to {place.folder}/data/metadata")


def test_a_broker_that_answers_is_well_whichever_it_is(place: Workplace, new_url: NewUrl, tmp_path: Path) -> None:
    (tmp_path / "redis").mkdir()
    with redis_server_in(tmp_path / "redis") as server:
        for url in (server.url, new_url("postgresql", migrated=False)):
            found = findings(place, QUEUE_URL=url)["queue"]
            assert found["health"] == "good"
            assert found["finding"].endswith("answers; deliveries are sent by lora-manager worker")


def test_a_service_in_the_place_of_civitai_is_asked_instead(place: Workplace) -> None:
    with receiving(Replies(TAKEN)) as server:
        found = findings(place, CIVITAI_VALIDATE_URL=f"{server.url}/validate", CIVITAI_API_KEY="hush")
        [request] = server.requests
    assert found["validation service"]["health"] == "good"
    assert "CivitAI" not in found
    assert (request.method, request.path, request.body) == ("GET", "/validate", b"")


def test_runtimes_that_deliveries_went_to_are_looked_at_until_they_are_forbidden(place: Workplace) -> None:
    with receiving(Replies(TAKEN)) as server:
        place.ok("deliver", "a castle", *to(server), "--detach")
        subject = f"runtime localhost:{server.port}"
        allowed, forbidden = findings(place)[subject], findings(place, DELIVERY_ALLOWED_HOSTS="gpu")[subject]
        assert server.requests == []
    away = findings(place)[subject]
    assert [one["health"] for one in (allowed, forbidden, away)] == ["good", "doubtful", "doubtful"]
    assert forbidden["advice"] == "add 127.0.0.1 to DELIVERY_ALLOWED_HOSTS to allow it"


@pytest.mark.parametrize(
    ("package", "setting", "subject", "extra"),
    [
        ("aioboto3", ("S3_BUCKET", "loras"), "bucket", "s3"),
        ("saq", ("QUEUE_URL", f"redis://{NOBODY}/0"), "queue", "redis"),
        ("saq", ("QUEUE_URL", f"postgresql://{NOBODY}/queue"), "queue", "postgres"),
        ("asyncpg", ("DATABASE_URL", f"postgresql://{NOBODY}/loras"), "database", "postgres"),
    ],
)
def test_an_extra_that_is_missing_is_a_finding(
    place: Workplace, package: str, setting: tuple[str, str], subject: str, extra: str
) -> None:
    name, value = setting
    code = f"import sys; sys.modules[{package!r}] = None; from lora_manager.__main__ import main; main()"
    process = subprocess.run(
        [sys.executable, "-c", code, "doctor", "--json"],
        cwd=place.folder,
        env={**os.environ, name: value},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (process.returncode, process.stderr) == (1, "")
    [found] = [one for one in json.loads(process.stdout)["findings"] if one["subject"] == subject]
    assert found["health"] == "bad"
    assert extra in str(found)
    assert "pip install" in str(found)


@pytest.mark.parametrize(("no_color", "is_coloured"), [("", True), ("1", False)])
def test_marks_are_coloured_on_a_terminal_unless_that_is_unwanted(
    place: Workplace, no_color: str, is_coloured: bool
) -> None:
    ours, theirs = pty.openpty()
    with open(ours, "rb") as terminal:
        code = "from lora_manager.__main__ import main; main()"
        process = subprocess.Popen(
            [sys.executable, "-c", code, "doctor"],
            cwd=place.folder,
            env={**os.environ, "TERM": "xterm", "NO_COLOR": no_color},
            stdout=theirs,
        )
        os.close(theirs)
        shown = read_all(terminal)
        process.wait()
    assert (b"\x1b[32mok" in shown) == is_coloured
    assert b"folders: none lies inside another" in shown


def test_output_that_cannot_be_written_is_one_line(place: Workplace) -> None:
    with open("/dev/full", "w") as full:
        process = subprocess.run(
            [sys.executable, "-m", "lora_manager", "doctor"],
            cwd=place.folder,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert process.returncode == 1
    assert process.stderr == "Error: [Errno 28] No space left on device\n"


class Waiting(Check):
    """Finds what it is told to, once something has happened."""

    def __init__(self, finding: str, after: asyncio.Event, then: asyncio.Event) -> None:
        self._finding = finding
        self._after = after
        self._then = then

    async def look(self) -> Sequence[Diagnosis]:
        await self._after.wait()
        self._then.set()
        return [Diagnosis("it", Health.GOOD, self._finding)]


async def test_checks_look_at_once_and_are_told_in_their_order() -> None:
    first, second = asyncio.Event(), asyncio.Event()
    second.set()
    told: list[str] = []
    checks = [Waiting("one", first, asyncio.Event()), Waiting("two", second, first)]
    found = await doctor_command._look(checks, lambda one: told.append(one.finding))  # noqa: SLF001  # what is tested
    assert told == [one.finding for one in found] == ["one", "two"]
