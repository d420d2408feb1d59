"""What the environment may hold, beyond what the command line's own tests show."""

import os
from pathlib import Path

import pytest

from lora_manager.domain.errors import InvalidField
from lora_manager.settings import InvalidSettings, load_settings, mask_url

LATER_VERSION = "is set, but this version does not support it yet; unset it"


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
        ("STORAGE_TYPE", "s3", "holds 's3'; this version supports only local"),
        *(
            (name, "x", LATER_VERSION)
            for name in ("API_KEY", "API_KEYS_FILE", "METADATA_SYNC", "QUEUE_URL", "REDIS_URL")
        ),
    ],
)
def test_a_wrong_setting_is_named_with_what_is_allowed(name: str, value: str, reason: str) -> None:
    (problem,) = problems(**{name: value})
    assert problem.name == name
    assert problem.reason.startswith(reason)


def test_all_wrong_settings_are_named_at_once() -> None:
    found = problems(LOG_LEVEL="loud", API_KEY="x", AUTO_MIGRATE="perhaps")
    assert [problem.name for problem in found] == ["API_KEY", "AUTO_MIGRATE", "LOG_LEVEL"]


def test_a_secret_for_a_later_version_is_not_repeated() -> None:
    assert "hush" not in str(problems(API_KEY="hush"))


@pytest.mark.parametrize("environ", [{"METADATA_SYNC": "off"}, {"STORAGE_TYPE": "Local"}, {"API_KEY": " "}], ids=str)
def test_what_is_switched_off_or_empty_is_no_problem(environ: dict[str, str]) -> None:
    assert load_settings(environ) == load_settings({})


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("sqlite:///data/db.sqlite", "sqlite:///data/db.sqlite"),
        ("postgresql://me@db/loras", "postgresql://me@db/loras"),
        ("postgresql://me:hush@db:5432/loras", "postgresql://me:***@db:5432/loras"),
        ("postgresql://me:hu@hush@db/loras", "postgresql://me:***@db/loras"),
        ("postgresql://me@db/loras?password=hush", "postgresql://db/loras?***"),
        ("postgresql://me:hush@[db/loras", "***"),
    ],
)
def test_a_password_in_a_url_is_never_shown(url: str, shown: str) -> None:
    assert mask_url(url) == shown
    assert "hush" not in repr(load_settings({"DATABASE_URL": url}))
