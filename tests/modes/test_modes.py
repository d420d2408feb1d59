"""Each mode works by the commands of its page, and what they leave behind is right, seen from outside."""

import json
import re
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.receiver import receiving
from tests.contract.postgres import PostgresServer
from tests.contract.s3_server import S3Server, s3_server_running
from tests.modes.page import EXAMPLES, ROOT, SERVICE, Followed, follow
from tests.standins.civitai import Civitai, a_version

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="the commands of the pages call curl")

NEON = (EXAMPLES / "flux-neon.safetensors").read_bytes()
LIBRARY = {path.name: path.read_bytes() for path in EXAMPLES.iterdir()}
CIVITAI_KEY = "a-key-for-civitai"
PASSWORD = "a-password-for-postgres"


@pytest.fixture(scope="module")
def s3() -> Iterator[S3Server]:
    with s3_server_running() as server:
        yield server


@pytest.fixture
def service() -> dict[str, str]:
    """Where the pages have the service, and where it is to be instead."""
    port = free_port()
    return {SERVICE: f"127.0.0.1:{port}", "lora-manager serve &": f"lora-manager serve --port {port} &"}


@pytest.fixture
def civitai() -> Iterator[Civitai]:
    """CivitAI, which takes one key only."""
    standin = Civitai(api_key=CIVITAI_KEY)
    with receiving(standin.handle) as server:
        standin.server, standin.url = server, server.url
        yield standin


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    return port


def at(server: S3Server) -> dict[str, str]:
    """Where the pages have S3, and what is to stand there instead."""
    return {
        "http://127.0.0.1:9000": server.url,
        "your-access-key": server.access_key_id,
        "your-secret-key": server.secret_access_key,
    }


def served(followed: Followed) -> dict[str, Any]:
    """The adapters as the service shows them in the end, by name."""
    listing = json.loads((followed.folder / "served" / "adapters.json").read_bytes())
    return {adapter["name"]: adapter for adapter in listing["items"]}


def assert_documents_are_right(followed: Followed, server: S3Server, bucket: str) -> None:
    """What is published is what the service shows: nothing more, nothing less, byte for byte."""
    published = {key: server.content(bucket, key) for key in server.keys(bucket) if key.startswith("metadata/")}
    ids = [adapter["id"] for adapter in served(followed).values()]
    assert published == {f"metadata/{i}.json": (followed.folder / "served" / f"{i}.json").read_bytes() for i in ids}
    for adapter in served(followed).values():
        assert adapter["metadata"]["state"] == "synced"
        assert adapter["metadata"]["uri"] == f"s3://{bucket}/metadata/{adapter['id']}.json"


def assert_secrets_are_nowhere(followed: Followed, *stored: bytes, secrets: tuple[str, ...]) -> None:
    """Neither printed, nor in a file but that of the settings, nor in what was stored elsewhere."""
    places = {"what was printed": followed.said.encode(), **followed.files()}
    places |= {f"what was stored {number}": content for number, content in enumerate(stored)}
    found = [(place, secret) for place, content in places.items() for secret in secrets if secret.encode() in content]
    assert found == []


def test_everything_on_this_machine(tmp_path: Path, service: dict[str, str]) -> None:
    followed = follow("modes/local.md", tmp_path, service)
    files = followed.files()
    assert "a castle at dawn <lora:celestial_xl:1> <lora:inkwash-style:1>\n" in followed.said
    assert "307 https://example.org/neon-city.jpg\n" in followed.said
    assert served(followed).keys() == {name.removesuffix(".safetensors") for name in LIBRARY} | {"neon-city"}
    assert served(followed)["neon-city"]["file_path"] == str(tmp_path / "data" / "uploads" / "neon-city.safetensors")
    assert files["data/uploads/neon-city.safetensors"] == NEON
    assert files["downloaded.safetensors"] == NEON
    assert files["header-length.bin"] == NEON[:8]


def test_files_here_and_metadata_for_others(tmp_path: Path, service: dict[str, str], s3: S3Server) -> None:
    bucket = s3.make_bucket("lora-metadata")
    followed = follow("modes/published-metadata.md", tmp_path, {**service, **at(s3)})
    files, adapters = followed.files(), served(followed)
    assert "6  to publish" in followed.said
    assert adapters.keys() == {name.removesuffix(".safetensors") for name in LIBRARY} - {"flux-neon"}
    assert (adapters["inkwash-style"]["tags"], adapters["inkwash-style"]["weight"]) == (["ink", "style:wash"], 0.65)
    assert_documents_are_right(followed, s3, bucket)
    assert files["inkwash-style.json"] == files[f"served/{adapters['inkwash-style']['id']}.json"]
    assert len([path for path in files if path.startswith("other-data/metadata/")]) == len(LIBRARY)
    assert s3.open_uploads(bucket) == []
    stored = [s3.content(bucket, key) for key in s3.keys(bucket)]
    assert_secrets_are_nowhere(followed, *stored, secrets=(s3.access_key_id, s3.secret_access_key))


def test_everything_in_s3_for_two_hosts(
    tmp_path: Path, service: dict[str, str], s3: S3Server, postgres_server: PostgresServer
) -> None:
    bucket, other = s3.make_bucket("loras"), free_port()
    with postgres_server.database("template0") as url:
        places = {
            **service,
            **at(s3),
            "127.0.0.1:8001": f"127.0.0.1:{other}",
            "--port 8001": f"--port {other}",
            "postgresql://lora_manager:your-password@127.0.0.1:5432/lora_manager": with_password(url),
        }
        followed = follow("modes/full-remote.md", tmp_path, places)
    files = followed.files()
    in_bucket = {key: s3.content(bucket, key) for key in s3.keys(bucket)}
    expected = {**LIBRARY, "neon-city.safetensors": NEON}
    assert {key: content for key, content in in_bucket.items() if not key.startswith("metadata/")} == {
        f"files/{name}": content for name, content in expected.items()
    }
    assert served(followed)["neon-city"]["file_path"] == "s3://loras/files/neon-city.safetensors"
    assert len(served(followed)) == len(expected)
    assert "\n307\n" in followed.said
    assert files["downloaded.safetensors"] == files["other-host/downloaded.safetensors"] == NEON
    assert {path: files[path] for path in files if path.startswith("other-host/loras/")} == {
        f"other-host/loras/{name}": content for name, content in expected.items()
    }
    assert_documents_are_right(followed, s3, bucket)
    assert s3.open_uploads(bucket) == []
    secrets = (s3.access_key_id, s3.secret_access_key, PASSWORD)
    assert_secrets_are_nowhere(followed, *in_bucket.values(), secrets=secrets)


def test_what_civitai_knows(tmp_path: Path, service: dict[str, str], civitai: Civitai) -> None:
    facts = json.loads((ROOT / "tests" / "data" / "facts.json").read_bytes())
    civitai.publish(a_version(facts["inkwash-style.safetensors"]["sha256"]))
    civitai.publish(a_version("0" * 64, autov3=facts["celestial_xl.safetensors"]["autov3"]))
    followed = follow(
        "civitai.md",
        tmp_path,
        {**service, "http://127.0.0.1:9100": civitai.url},
        CIVITAI_BASE_URL=civitai.url,
        CIVITAI_API_KEY=CIVITAI_KEY,
    )
    adapters = served(followed)
    states = {name: adapter["validation"]["state"] for name, adapter in adapters.items()}
    assert (states.pop("inkwash-style"), states.pop("celestial_xl")) == ("valid", "mismatch")
    assert set(states.values()) == {"unknown"}
    assert adapters["inkwash-style"]["title"] == "Ink Wash"
    assert {request.headers["authorization"] for request in civitai.requests} == {f"Bearer {CIVITAI_KEY}"}
    documents = [json.loads(request.body) for request in civitai.requests if request.path == "/validate"]
    assert sorted(document["name"] for document in documents) == sorted(adapters)
    asked = ",".join(civitai.asked[: -len(documents)])
    assert re.fullmatch(r"[0-9A-F,]+", asked), "nothing but hashes is asked for"
    assert_secrets_are_nowhere(followed, secrets=(CIVITAI_KEY,))


def test_what_other_tools_left_comes_in_and_goes_out(tmp_path: Path) -> None:
    library = tmp_path / "examples" / "library"
    library.mkdir(parents=True)
    card = {"activation text": "brush, paper", "preferred weight": 0.7, "notes": "drawn", "negative text": "photo"}
    (library / "inkwash-style.json").write_text(json.dumps(card))
    (library / "inkwash-style.preview.png").write_bytes(b"a picture")
    files = follow("sidecars.md", tmp_path, {}).files()
    written = json.loads(files["cards/inkwash-style.json"])
    assert (written["activation text"], written["preferred weight"]) == ("brush, paper", 0.7)
    assert written["description"] == "drawn"
    assert json.loads(files["cards/celestial_xl.metadata.json"])["base_model"] == "SDXL 1.0"
    assert files["cards/inkwash-style.preview.png"] == b"a picture"
    assert json.loads(files["examples/library/inkwash-style.json"]) == card


def with_password(url: str) -> str:
    """The URL with a password, which a server does not ask for that trusts whoever reaches its socket."""
    user, mark, rest = url.removeprefix("postgresql://").partition("@")
    return f"postgresql://{user.partition(':')[0]}:{PASSWORD}{mark}{rest}"
