"""``lora-manager serve`` and ``migrate``."""

import argparse
import json
import re
import shlex
import signal
import socket
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn
from urllib.error import HTTPError

import pytest

from lora_manager.adapters.database.migrate import NEWEST_REVISION
from tests.cli.workplace import Workplace

PATIENCE_S = 60
EVERYWHERE = "0.0.0.0"  # noqa: S104  # that is what is tested


@contextmanager
def served(
    workplace: Workplace, *arguments: str, library_roots: str = "loras"
) -> "Iterator[tuple[subprocess.Popen[str], str]]":
    """A service at work, and what it says when it starts."""
    process = workplace.start("--library-roots", library_roots, "serve", "--port", "0", *arguments)
    assert process.stdout is not None
    try:
        greeting = []
        for line in process.stdout:
            greeting.append(line)
            if "/compose" in line:
                break
        assert process.poll() is None, process.communicate()
        yield process, "".join(greeting)
    finally:
        process.kill()
        process.communicate()


def curl(command: str) -> Any:  # noqa: ANN401  # JSON is anything
    """Do what this call of curl would do."""
    parser = argparse.ArgumentParser()
    parser.add_argument("-X", dest="method")
    parser.add_argument("-H", dest="headers", action="append", default=[])
    parser.add_argument("-d", dest="body")
    parser.add_argument("url")
    call = parser.parse_args(shlex.split(command.removeprefix("curl ")))
    headers = dict(header.split(": ") for header in call.headers)
    body = call.body.encode() if call.body else None
    request = urllib.request.Request(call.url, body, headers, method=call.method)  # noqa: S310  # loopback
    with urllib.request.urlopen(request, timeout=PATIENCE_S) as response:  # noqa: S310  # loopback
        return json.load(response)


def curl_for_ever(command: str) -> NoReturn:
    """Until it is refused: a service looks at its keys twice a second."""
    while True:
        curl(command)


def test_what_it_tells_to_try_next_works_as_it_stands(workplace: Workplace) -> None:
    workplace.put("ink", "1")
    with served(workplace) as (_, greeting):
        assert "0 LoRAs are registered" in greeting
        assert f"  {workplace.library}\n" in greeting
        scan, listing, pick, activate, compose = re.findall(r"^  (.*curl .*)$", greeting, re.MULTILINE)
        scan_id = curl(scan)["scan"]["id"]
        base = re.search(r"http://[\d.:]+", greeting)
        assert base is not None
        while curl(f"curl {base[0]}/library/scans/{scan_id}")["scan"]["state"] == "running":
            pass
        [item] = curl(listing)["items"]
        assert "curl -s " + listing.removeprefix("curl ") in pick
        python = shlex.split(pick[pick.index("python3") :].rstrip(")"))
        picked = subprocess.run(python, input=json.dumps({"items": [item]}), capture_output=True, text=True, check=True)
        assert picked.stdout.strip() == item["id"]
        assert curl(activate.replace("$ID", item["id"]))["adapter"]["ordinal"] == 1
        assert curl(compose)["prompt"] == "a quiet harbour <lora:ink:1>"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_it_stops_when_it_is_told_to_as_a_success(workplace: Workplace, number: signal.Signals) -> None:
    with served(workplace) as (process, _):
        process.send_signal(number)
        _, stderr = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0
    assert "Traceback" not in stderr


def test_it_counts_what_is_registered_and_warns_of_roots_that_are_not_there(workplace: Workplace) -> None:
    workplace.put("ink", "1")
    workplace.ok("import", "loras")
    with served(workplace, library_roots="loras:nowhere") as (process, greeting):
        assert "1 LoRAs are registered" in greeting
        process.terminate()
        _, stderr = process.communicate(timeout=PATIENCE_S)
    assert f"Warning: {workplace.folder}/nowhere is no folder" in stderr


@pytest.mark.parametrize("host", [EVERYWHERE, "::", "192.0.2.1", "example.org", ""])
def test_an_address_that_others_reach_is_refused_unless_that_is_wanted(workplace: Workplace, host: str) -> None:
    result = workplace.run("serve", "--host", host)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "--insecure" in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert not (workplace.folder / "data").exists()


def test_with_insecure_it_listens_everywhere_and_tells_an_address_that_works(workplace: Workplace) -> None:
    with served(workplace, "--host", EVERYWHERE, "--insecure") as (_, greeting):
        base = re.search(r"http://127\.0\.0\.1:\d+", greeting)
        assert base is not None
        assert curl(f"curl {base[0]}/health") == {"status": "ok"}


def test_with_a_key_it_listens_everywhere_and_what_it_tells_to_try_next_works_with_it(workplace: Workplace) -> None:
    workplace.put("ink", "1")
    key = workplace.ok("keys", "create", "studio", "--scope", "write").strip()
    with served(workplace, "--host", EVERYWHERE) as (_, greeting):
        assert key not in greeting
        assert "has to send an API key" in greeting
        told = [line.strip().replace("$KEY", key) for line in greeting.splitlines() if "curl " in line]
        scan, listing, _, _, compose = told
        assert "scan" in curl(scan)
        assert "items" in curl(listing)
        with pytest.raises(HTTPError, match="401"):
            curl(listing.replace(key, "lm_nonsense"))
        assert "a quiet harbour" in curl(compose)["prompt"]


def test_as_soon_as_a_key_is_made_a_service_that_runs_asks_for_it(workplace: Workplace) -> None:
    with served(workplace) as (_, greeting):
        base = re.search(r"http://127\.0\.0\.1:\d+", greeting)
        assert base is not None
        assert curl(f"curl {base[0]}/adapters")["total"] == 0
        key = workplace.ok("keys", "create", "studio", "--scope", "read").strip()
        with pytest.raises(HTTPError, match="401"):
            curl_for_ever(f"curl {base[0]}/adapters")
        assert curl(f"curl -H 'X-API-Key: {key}' {base[0]}/adapters")["total"] == 0
        workplace.ok("keys", "revoke", "studio")
        with pytest.raises(HTTPError, match="401"):
            curl_for_ever(f"curl -H 'X-API-Key: {key}' {base[0]}/adapters")


def test_a_key_that_could_be_guessed_is_warned_of(workplace: Workplace) -> None:
    process = workplace.start("serve", "--port", "0", API_KEY="secret")
    assert process.stdout is not None
    assert any("/compose" in line for line in process.stdout)
    process.terminate()
    _, stderr = process.communicate(timeout=PATIENCE_S)
    assert "API_KEY has fewer than 16 characters" in stderr
    assert "secret" not in stderr


def test_a_file_of_keys_that_is_named_has_to_be_there(workplace: Workplace) -> None:
    result = workplace.run("serve", API_KEYS_FILE="nowhere.json")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "API_KEYS_FILE" in result.stderr
    assert "lora-manager keys create" in result.stderr


def test_a_port_that_is_taken_is_one_line(workplace: Workplace) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        result = workplace.run("serve", "--port", str(taken.getsockname()[1]))
    assert (result.exit_code, result.stdout) == (1, "")
    assert "cannot listen on 127.0.0.1" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_migrating_says_that_the_database_is_up_to_date_and_hides_its_password(workplace: Workplace) -> None:
    place = f"sqlite:///{workplace.folder}/data/db.sqlite"
    assert workplace.ok("migrate") == f"{place} went from no tables to revision {NEWEST_REVISION}\n"
    assert workplace.ok("migrate") == f"{place} is up to date (revision {NEWEST_REVISION})\n"
