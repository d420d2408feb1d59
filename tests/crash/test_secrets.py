"""What goes wrong is told without the secrets that it went wrong with."""

from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path

from tests.crash.remote import Remote, remote
from tests.crash.service import Service, free_port
from tests.library import write_lora
from tests.standins.http_server import Reply, serving

__all__ = ["remote"]

PASSWORD = "a-password-for-postgres"


async def test_a_database_that_does_not_answer_is_named_without_its_password(tmp_path: Path) -> None:
    url = f"postgresql://lora:{PASSWORD}@127.0.0.1:{free_port()}/loras"
    service = Service(tmp_path, {"DATABASE_URL": url, "LOG_LEVEL": "debug"})
    for command in (("list",), ("migrate",), ("serve", "--port", str(service.port))):
        assert await service.run(*command) == 1
    assert service.said.count(b"Error: ") == 3
    assert service.said.count(b"DATABASE_URL") == 3
    assert PASSWORD.encode() not in service.said


async def test_wrong_settings_are_named_without_what_is_secret_in_them(tmp_path: Path) -> None:
    wrong = {
        "AWS_ACCESS_KEY_ID": "an access key",
        "AWS_SECRET_ACCESS_KEY": "a secret key",
        "CIVITAI_API_KEY": "a key for civitai",
        "S3_ENDPOINT": f"http://me:{PASSWORD}@127.0.0.1:9000",
        "CIVITAI_VALIDATE_URL": f"http://me:{PASSWORD}@127.0.0.1:9100",
        "QUEUE_URL": f"http://me:{PASSWORD}@127.0.0.1:6379",
    }
    service = Service(tmp_path, wrong)
    assert await service.run("list") == 1
    said = service.said.decode()
    assert [name for name in wrong if f"Error: {name} " not in said] == []
    assert [secret for secret in ("an access key", "a secret key", "a key for", PASSWORD) if secret in said] == []


async def test_a_key_that_civitai_repeats_is_not_repeated_here(remote: Remote) -> None:
    """The fixture looks for it in everything that was printed, answered and published."""
    write_lora(remote.service.folder / "loras" / "ink.safetensors", "1")

    async def repeat(_method: str, _path: str, headers: Mapping[str, str], _body: bytes) -> Reply:
        said = f'{{"error": "who is {headers["authorization"]}?"}}'
        return HTTPStatus.UNAUTHORIZED, {"Content-Type": "application/json"}, said.encode()

    async with serving(repeat) as civitai:
        remote.service.environment = {**remote.service.environment, "CIVITAI_BASE_URL": civitai.url}
        async with remote.service.running():
            assert await remote.service.run("import", "loras") == 0
            assert await remote.service.run("validate") == 1
            [ink] = await remote.service.adapters()
            answer = await remote.service.ask("POST", f"/adapters/{ink['id']}/validate")
    assert answer.json()["validation"]["state"] == "failed"
    assert "CIVITAI_API_KEY" in answer.json()["validation"]["detail"]
