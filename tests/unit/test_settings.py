"""What the environment may hold, beyond what the command line's own tests show."""

import os
from pathlib import Path

import pytest

from lora_manager.domain.delivery.allowed_hosts import AllowedHosts
from lora_manager.domain.errors import InvalidField
from lora_manager.settings import InvalidSettings, load_settings, mask_url


def problems(**environ: str) -> list[InvalidField]:
    with pytest.raises(InvalidSettings) as refused:
        load_settings(environ)
    return list(refused.value.fields)


def test_without_any_variable_all_is_kept_below_the_working_directory() -> None:
    settings = load_settings({})
    here = Path.cwd()
    assert settings.data_dir == here / "data"
    assert settings.database_url == f"sqlite:///{here / 'data' / 'db.sqlite'}"
    assert settings.library_roots == (str(here / "loras"),)
    assert (settings.auto_migrate, settings.token_format) == (True, None)
    assert (settings.log_format, settings.log_level) == ("console", "info")
    assert settings.artefacts_dir == str(here / "data" / "deliveries")
    assert (settings.queue_url, settings.cli_commands) == (None, {})
    assert settings.delivery_allowed_hosts == AllowedHosts.parse("loopback")
    assert (settings.worker_concurrency, settings.runtime_concurrency, settings.worker_lease_s) == (50, 1, 30)


@pytest.mark.parametrize(
    ("word", "meant"),
    [*((w, True) for w in ("1", "TRUE", " yes ", "on")), *((w, False) for w in ("0", "False", "off"))],
)
def test_a_switch_is_read_in_the_usual_words(word: str, meant: bool) -> None:
    assert load_settings({"AUTO_MIGRATE": word}).auto_migrate is meant


def test_a_shared_database_is_migrated_only_when_asked() -> None:
    assert not load_settings({"DATABASE_URL": "postgresql://db/loras"}).auto_migrate


def test_several_folders_become_absolute_and_empty_ones_are_left_out() -> None:
    roots = load_settings({"LIBRARY_ROOTS": os.pathsep.join(["/a/../b", "", "c", "~/d"])}).library_roots
    assert roots == ("/b", str(Path("c").absolute()), str(Path.home() / "d"))


def test_settings_are_read_without_regard_to_case() -> None:
    settings = load_settings({"LOG_LEVEL": " DEBUG ", "LOG_FORMAT": "Json"})
    assert (settings.log_level, settings.log_format) == ("debug", "json")


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("AUTO_MIGRATE", "2", "holds '2'; allowed are true and false"),
        ("LIBRARY_ROOTS", os.pathsep, f"holds {os.pathsep!r}; must name at least one folder"),
        ("TOKEN_FORMAT", "no field", "holds 'no field'; "),
        ("LOG_FORMAT", "xml", "holds 'xml'; allowed are console, json"),
        ("LOG_LEVEL", "loud", "holds 'loud'; allowed are debug, info, warning, error"),
        ("STORAGE_TYPE", "ftp", "holds 'ftp'; allowed are local, s3"),
        ("METADATA_STORAGE", "ftp", "holds 'ftp'; allowed are local, s3"),
        ("METADATA_SYNC", "sometimes", "holds 'sometimes'; allowed are true and false"),
        (
            "S3_BUCKET",
            "s3://b",
            "holds 's3://b'; must be the name of a bucket alone: letters, digits, dots and hyphens, without s3://",
        ),
        (
            "S3_PREFIX",
            "a/../b",
            (
                "holds 'a/../b'; 'a/../b' cannot be the key of a file: "
                "its parts, between single slashes, must be names of files"
            ),
        ),
        (
            "S3_ENDPOINT",
            "minio:9000",
            "holds 'minio:9000'; must be a URL that begins with http:// or https://, with a host and without ? and #",
        ),
        ("S3_PUBLIC_ENDPOINT", "http://me:secret@host", "holds 'http://me:***@host'; must not hold a user or password"),
        ("S3_ABANDONED_AFTER_S", "0", "holds '0'; allowed are whole numbers from 1 to 604800"),
        (
            "CIVITAI_BASE_URL",
            "civitai.com",
            "holds 'civitai.com'; must be a URL that begins with http:// or https://, with a host and without ? and #",
        ),
        ("CIVITAI_API_KEY", "two words", "holds '***'; must be printable ASCII without spaces"),
        ("QUEUE_URL", "amqp://broker", "holds 'amqp://broker'; must be a URL that begins with redis://, "),
        ("QUEUE_URL", "redis", "holds 'redis'; must be a URL that begins with redis://, "),
        ("REDIS_URL", "mysql://me:hush@db", "holds 'mysql://me:***@db'; must be a URL that begins with "),
        ("DELIVERY_ALLOWED_HOSTS", "127.1", "holds '127.1'; '127.1' is no host; "),
        ("WORKER_CONCURRENCY", "0", "holds '0'; allowed are whole numbers from 1 to 1000"),
        ("WORKER_CONCURRENCY", "1001", "holds '1001'; allowed are whole numbers from 1 to 1000"),
        ("RUNTIME_CONCURRENCY", "two", "holds 'two'; allowed are whole numbers from 1 to 100"),
        ("RUNTIME_CONCURRENCY", "²", "holds '²'; allowed are whole numbers from 1 to 100"),
        ("WORKER_LEASE_S", "0.5", "holds '0.5'; allowed are whole numbers from 1 to 3600"),
        ("API_KEY", "two words", "holds '***'; must be printable ASCII without spaces"),
        (
            "API_KEYS_FILE",
            "~nobody-here/keys",
            "holds '~nobody-here/keys'; begins with the home folder of a user that ",
        ),
        ("API_KEYS_FILE", "a\0b", "holds 'a\\x00b'; must not contain NUL characters"),
        ("RATE_LIMIT", "0/minute", "holds '0/minute'; must be a number of requests in a second, "),
        ("ALLOWED_HOSTS", "a" * 64, f"holds '{'a' * 64}'; '{'a' * 64}' is no name of a host; "),
        ("ALLOWED_HOSTS", "a..b", "holds 'a..b'; 'a..b' is no name of a host; "),
        ("CORS_ORIGINS", "https://a:abc", "holds 'https://a:abc'; 'https://a:abc' is no origin; "),
        ("CORS_ORIGINS", "https://me:hush@a", "holds 'https://me:***@a'; 'https://me:***@a' is no origin; "),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://a:abc", "holds 'http://a:abc'; must be a URL that begins with "),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://a:70000", "holds 'http://a:70000'; must be a URL that begins with "),
    ],
)
def test_a_wrong_setting_is_named_with_what_is_allowed(name: str, value: str, reason: str) -> None:
    (problem,) = problems(**{name: value})
    assert problem.name == name
    assert problem.reason.startswith(reason)


def test_all_wrong_settings_are_named_at_once() -> None:
    found = problems(LOG_LEVEL="loud", API_KEY="\u00e9", AUTO_MIGRATE="perhaps")
    assert [problem.name for problem in found] == ["AUTO_MIGRATE", "API_KEY", "LOG_LEVEL"]


def test_a_secret_is_not_repeated() -> None:
    assert "hush" not in str(problems(API_KEY="hush hush"))
    assert "hush" not in str(problems(S3_ENDPOINT="http://me:hush/x@host"))


def test_commands_that_are_nested_too_deep_are_refused() -> None:
    [problem] = problems(CLI_COMMANDS="[" * 100_000)
    assert (problem.name, problem.reason[:20]) == ("CLI_COMMANDS", "holds '{...}'; must ")


@pytest.mark.parametrize("environ", [{"METADATA_SYNC": "off"}, {"STORAGE_TYPE": "Local"}, {"API_KEY": " "}], ids=str)
def test_what_is_switched_off_or_empty_is_no_problem(environ: dict[str, str]) -> None:
    assert load_settings(environ) == load_settings({})


@pytest.mark.parametrize("name", ["QUEUE_URL", "REDIS_URL"])
@pytest.mark.parametrize(
    ("url", "read"),
    [
        ("redis://broker/1", "redis://broker/1"),
        (" REDISS://me:hush@broker ", "rediss://me:hush@broker"),
        ("postgresql+asyncpg://db/loras", "postgresql://db/loras"),
        ("postgres://db/loras", "postgres://db/loras"),
    ],
)
def test_a_broker_is_named_by_either_name_with_or_without_a_driver(name: str, url: str, read: str) -> None:
    assert load_settings({name: url}).queue_url == read


def test_the_two_names_of_the_broker_must_not_contradict_each_other() -> None:
    url = "redis://broker"
    assert load_settings({"QUEUE_URL": url, "REDIS_URL": url}).queue_url == url
    [problem] = problems(QUEUE_URL=url, REDIS_URL="redis://other")
    assert problem.name == "REDIS_URL"
    assert "another name of QUEUE_URL" in problem.reason


def test_hosts_are_allowed_as_they_are_named() -> None:
    allowed = load_settings({"DELIVERY_ALLOWED_HOSTS": "gpu.example, 192.0.2.0/24:8188"}).delivery_allowed_hosts
    assert allowed == AllowedHosts.parse("gpu.example 192.0.2.0/24:8188")


def test_commands_are_read_from_json_or_from_a_file_that_holds_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = '{"draw": ["/usr/bin/draw", "{prompt_file}"], "note": ["tee"]}'
    (tmp_path / "commands.json").write_text(text)
    monkeypatch.setenv("HOME", str(tmp_path))
    meant = {"draw": ("/usr/bin/draw", "{prompt_file}"), "note": ("tee",)}
    for value in (text, f" {text}", str(tmp_path / "commands.json"), "~/commands.json"):
        assert load_settings({"CLI_COMMANDS": value}).cli_commands == meant


@pytest.mark.parametrize(
    "commands",
    [
        '{"a": "draw"}',
        '{"a": []}',
        '{"a": [""]}',
        '{"a": ["draw", 1]}',
        '{"a": ["draw\\u0000"]}',
        '{"a b": ["draw"]}',
        '{"": ["draw"]}',
    ],
)
def test_a_command_is_a_name_with_a_program_and_its_arguments(commands: str) -> None:
    [problem] = problems(CLI_COMMANDS=commands)
    assert problem.name == "CLI_COMMANDS"
    assert "must map each name to a program and its arguments" in problem.reason


@pytest.mark.parametrize("value", ['{"a": ["hush"]', '["hush"]', '{"a": ["draw", "--key", "hush", 1]}'])
def test_what_commands_hold_is_not_repeated_since_it_may_be_secret(value: str) -> None:
    [problem] = problems(CLI_COMMANDS=value)
    assert problem.reason.startswith("holds '{...}'; must ")
    assert "hush" not in problem.reason


@pytest.mark.parametrize("path", ["nowhere.json", "."])
def test_a_file_of_commands_that_cannot_be_read_is_named(path: str) -> None:
    [problem] = problems(CLI_COMMANDS=path)
    assert problem.reason.startswith(f"holds {path!r}; must be a JSON object, or the path of a file that holds one (")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("sqlite:///data/db.sqlite", "sqlite:///data/db.sqlite"),
        ("postgresql://me@db/loras", "postgresql://me@db/loras"),
        ("postgresql://me:hush@db:5432/loras", "postgresql://me:***@db:5432/loras"),
        ("postgresql://me:hu@hush@db/loras", "postgresql://me:***@db/loras"),
        ("postgresql://me@db/loras?password=hush", "postgresql://db/loras?***"),
        ("postgresql://me:hush@[db/loras", "***"),
        ("postgresql://me:hu/hush@db/loras", "***"),
        ("postgresql://me:hu?hush@db/loras", "***"),
        ("postgresql://me:hu#hush@db/loras", "***"),
        ("me:hush@db/loras", "***"),
        ("redis://:hush@broker:6379/0", "redis://:***@broker:6379/0"),
        ("sqlite:////srv/me@home/db.sqlite", "sqlite:////srv/me@home/db.sqlite"),
        ("sqlite://me:hu/hush@db", "***"),
        (" p postgresql://me:hush@db/loras", "***"),
        ("/srv/me:hush@db", "***"),
    ],
)
def test_a_password_in_a_url_is_never_shown(url: str, shown: str) -> None:
    assert mask_url(url) == shown
    assert "hush" not in repr(load_settings({"DATABASE_URL": url}))


def test_without_a_bucket_files_and_documents_stay_on_local_disks() -> None:
    settings = load_settings({"METADATA_SYNC": "yes"})
    assert (settings.storage_type, settings.s3.bucket) == ("local", None)
    assert (settings.metadata.sync, settings.metadata.storage, settings.metadata.bucket) == (True, "local", None)
    assert settings.metadata.prefix == "metadata"
    assert settings.uploads_dir == str(Path.cwd() / "data" / "uploads")


def test_documents_go_into_the_bucket_of_the_files_unless_told_otherwise() -> None:
    both = load_settings({"S3_BUCKET": "files"})
    assert (both.metadata.storage, both.metadata.bucket) == ("s3", "files")
    apart = load_settings({"S3_BUCKET": "files", "METADATA_BUCKET": "documents", "METADATA_PREFIX": "/public/loras/"})
    assert (apart.s3.bucket, apart.metadata.bucket, apart.metadata.prefix) == ("files", "documents", "public/loras")
    beside = load_settings({"S3_BUCKET": "files", "METADATA_STORAGE": "local"})
    assert (beside.metadata.storage, beside.metadata.bucket) == ("local", None)


def test_files_in_a_bucket_need_no_folder_and_take_those_that_are_named() -> None:
    remote = {"STORAGE_TYPE": "s3", "S3_BUCKET": "files"}
    assert load_settings(remote).library_roots == ()
    assert load_settings({**remote, "LIBRARY_ROOTS": "/srv/loras"}).library_roots == (os.path.abspath("/srv/loras"),)


@pytest.mark.parametrize(
    ("environ", "name"),
    [
        ({"STORAGE_TYPE": "s3"}, "S3_BUCKET"),
        ({"METADATA_STORAGE": "s3"}, "METADATA_BUCKET"),
        ({"AWS_ACCESS_KEY_ID": "AKIA"}, "AWS_SECRET_ACCESS_KEY"),
        ({"AWS_SECRET_ACCESS_KEY": "hush"}, "AWS_ACCESS_KEY_ID"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_missing_beside_what_is_set_is_named(environ: dict[str, str], name: str) -> None:
    [problem] = problems(**environ)
    assert problem.name == name


def test_no_key_is_in_what_settings_print_of_themselves() -> None:
    settings = load_settings(
        {
            "S3_BUCKET": "files",
            "AWS_ACCESS_KEY_ID": "AKIAHUSH",
            "AWS_SECRET_ACCESS_KEY": "hush-hush",
            "CIVITAI_API_KEY": "hush-civitai",
        }
    )
    assert "hush" not in f"{settings!r}{settings.s3!r}{settings.metadata!r}{settings.civitai!r}".lower()
