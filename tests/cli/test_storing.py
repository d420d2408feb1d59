"""push, pull and sync, against an S3 server on loopback."""

import pytest

from tests.cli.workplace import Workplace
from tests.contract.s3_server import S3Server


@pytest.fixture
def bucket(s3_server: S3Server) -> str:
    return s3_server.make_bucket()


@pytest.fixture
def settings(s3_server: S3Server, bucket: str) -> dict[str, str]:
    return {**s3_server.settings, "S3_BUCKET": bucket, "S3_PREFIX": "loras"}


def test_a_library_goes_to_the_bucket_and_back(
    workplace: Workplace, s3_server: S3Server, bucket: str, settings: dict[str, str]
) -> None:
    path = workplace.put("ink", "ink")
    first = workplace.json("push", **settings)
    assert (first["copied"], first["present"]) == ([str(path)], [])
    assert s3_server.content(bucket, "loras/ink.safetensors") == path.read_bytes()
    assert workplace.json("push", **settings)["present"] == [str(path)]
    told = workplace.ok("pull", "--to", workplace.folder / "copy", **settings)
    assert "1  copied" in told
    assert (workplace.folder / "copy" / "ink.safetensors").read_bytes() == path.read_bytes()


def test_what_is_in_the_bucket_is_imported_and_listed_like_any_file(
    workplace: Workplace, bucket: str, settings: dict[str, str]
) -> None:
    workplace.put("ink", "ink")
    workplace.ok("push", **settings)
    remote = {**settings, "STORAGE_TYPE": "s3"}
    assert len(workplace.json("import", f"s3://{bucket}/loras", **remote)["added"]) == 1
    [listed] = workplace.json("list", **remote)["items"]
    assert listed["file_path"] == f"s3://{bucket}/loras/ink.safetensors"
    assert len(workplace.json("import", f"s3://{bucket}/loras", **remote)["unchanged"]) == 1


def test_documents_follow_the_registry(
    workplace: Workplace, s3_server: S3Server, bucket: str, settings: dict[str, str]
) -> None:
    workplace.put("ink", "ink")
    workplace.put("neon", "neon")
    workplace.ok("import", "loras", **settings)
    assert "2  to publish" in workplace.ok("sync", "--dry-run", **settings)
    assert s3_server.keys(bucket) == []
    ids = workplace.json("sync", **settings)["published"]
    assert sorted(s3_server.keys(bucket)) == sorted(f"metadata/{lora_id}.json" for lora_id in ids)
    again = workplace.json("sync", **settings)
    assert (again["published"], again["unchanged"]) == ([], 2)
    workplace.ok("activate", "ink", **settings)
    assert len(workplace.json("sync", **settings)["published"]) == 1


def test_changes_made_by_the_command_wait_for_whoever_publishes(
    workplace: Workplace, s3_server: S3Server, bucket: str, settings: dict[str, str]
) -> None:
    workplace.put("ink", "ink")
    publishing = {**settings, "METADATA_SYNC": "true"}
    workplace.ok("import", "loras", **publishing)
    assert s3_server.keys(bucket) == []
    assert workplace.json("show", "ink", **publishing)["adapter"]["metadata"]["state"] == "pending"
    assert "metadata      pending" in workplace.ok("show", "ink", **publishing)
    assert len(workplace.json("sync", "--changed", **publishing)["published"]) == 1
    [listed] = workplace.json("list", **publishing)["items"]
    assert listed["metadata"]["state"] == "synced"
    assert listed["metadata"]["uri"].startswith(f"s3://{bucket}/metadata/")
    assert workplace.json("sync", "--changed", **publishing)["published"] == []


def test_without_a_bucket_documents_go_into_the_data_folder(workplace: Workplace) -> None:
    workplace.put("ink", "ink")
    workplace.ok("import", "loras")
    [lora_id] = workplace.json("sync")["published"]
    assert (workplace.folder / "data" / "metadata" / f"{lora_id}.json").exists()


@pytest.mark.parametrize(
    ("arguments", "environment", "said"),
    [
        (("push",), {"S3_BUCKET": ""}, "S3_BUCKET names no bucket"),
        (("push",), {"S3_BUCKET": "nobody-made-it"}, "there is no bucket 'nobody-made-it'"),
        (("push",), {"AWS_ACCESS_KEY_ID": ""}, "AWS_ACCESS_KEY_ID must be set when AWS_SECRET_ACCESS_KEY is"),
        (("pull",), {"STORAGE_TYPE": "s3"}, "there is no library root to copy to"),
        (("sync",), {"METADATA_BUCKET": "nobody-made-it"}, "correct METADATA_BUCKET"),
        (("serve", "--port", "0"), {"STORAGE_TYPE": "s3", "S3_BUCKET": "nobody-made-it"}, "correct S3_BUCKET"),
        (("worker",), {"METADATA_SYNC": "on", "METADATA_BUCKET": "nobody-made-it"}, "correct METADATA_BUCKET"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else str(value),
)
def test_what_is_wrong_with_the_bucket_is_said(
    workplace: Workplace,
    settings: dict[str, str],
    arguments: tuple[str, ...],
    environment: dict[str, str],
    said: str,
) -> None:
    result = workplace.run(*arguments, **{**settings, **environment})
    assert result.exit_code in {1, 2}
    assert said in result.stderr
    assert settings["AWS_SECRET_ACCESS_KEY"] not in result.output


def test_the_service_says_where_files_are_and_where_metadata_goes(
    workplace: Workplace, bucket: str, settings: dict[str, str]
) -> None:
    environment = {**settings, "STORAGE_TYPE": "s3", "METADATA_SYNC": "true"}
    with workplace.started("serve", "--port", "0", **environment) as process:
        assert process.stdout is not None
        said = [line for line, _ in zip(process.stdout, range(5), strict=False)]
    assert f"  s3://{bucket}/loras\n" in said
    assert f"Metadata is published to s3://{bucket}/metadata.\n" in said
