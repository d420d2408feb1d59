"""Log lines, for machines and for people."""

import json
import logging
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from lora_manager.adapters.observability.lines import formatter_of
from lora_manager.adapters.observability.logging_event_log import LoggingEventLog
from lora_manager.domain.events import Event, EventName
from lora_manager.ports.trail import following

AT = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
SUBJECT = UUID("01890a5d-ac96-774b-bcce-b302099a8057")
TRAIL = {
    "request_id": "a-request",
    "caller": "gallery",
    "delivery_id": str(SUBJECT),
    "traceparent": f"00-{'ab' * 16}-{'cd' * 8}-01",
}
JSON = formatter_of("json", has_colours=False)
PLAIN = formatter_of("console", has_colours=False)
COLOURED = formatter_of("console", has_colours=True)
# What a client could send to write a line of its own, to drive the terminal, or to reorder what it shows.
FORGED = 'x\n{"level": "error"}\r\x1b[2J\x9b1m\x85\u2028\u202e\ud800\x7f'


class Kept(logging.Handler):
    """Keeps records."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


@pytest.fixture
def kept() -> Iterator[Kept]:
    """What is logged of events, from info on."""
    logger = logging.getLogger("lora_manager.events")
    before, handler = logger.level, Kept()
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)
    yield handler
    logger.removeHandler(handler)
    logger.setLevel(before)


def a_record(message: str = "said", **more: object) -> logging.LogRecord:
    record = logging.LogRecord("uvicorn.error", logging.WARNING, __file__, 1, message, None, None)
    record.created = AT.timestamp()
    vars(record).update(more)
    return record


def a_fault(message: str) -> logging.LogRecord:
    def break_down() -> None:
        hidden = "s3cret"
        raise RuntimeError(message + hidden[:0])

    try:
        break_down()
    except RuntimeError:
        return a_record(exc_info=sys.exc_info())
    raise AssertionError


def of_event(kept: Kept, event: Event) -> logging.LogRecord:
    LoggingEventLog().record([event])
    return kept.records[-1]


def as_json(record: logging.LogRecord) -> Mapping[str, Any]:
    line = JSON.format(record)
    assert line.isascii()
    assert "\n" not in line
    told: Mapping[str, Any] = json.loads(line)
    return told


def test_a_line_of_any_library_tells_when_how_grave_who_and_what() -> None:
    expected = {"time": "2026-01-02T03:04:05.678Z", "level": "warning", "logger": "uvicorn.error", "message": "said"}
    assert as_json(a_record()) == expected
    for value in expected.values():
        assert value in PLAIN.format(a_record())


def test_an_event_is_told_with_all_that_it_is_about(kept: Kept) -> None:
    event = Event(EventName.DELIVERY_FAILED, AT, SUBJECT, ("a", "b"), {"mode": "http", "seconds": 1.5, "attempt": 3})
    told = as_json(of_event(kept, event))
    assert told["event"] == "delivery.failed"
    assert (told["level"], told["logger"]) == ("info", "lora_manager.events")
    assert told["message"] == f"delivery.failed {SUBJECT} a,b"
    assert (told["subject"], told["fields"]) == (str(SUBJECT), ["a", "b"])
    assert told["facts"] == {"mode": "http", "seconds": 1.5, "attempt": 3}


def test_what_a_library_means_by_the_same_names_is_not_taken_for_an_event() -> None:
    assert "event" not in as_json(a_record(event=object(), facts=object()))


def test_what_an_event_has_none_of_is_left_out(kept: Kept) -> None:
    told = as_json(of_event(kept, Event(EventName.SCANNED, AT)))
    assert told.keys() == {"time", "level", "logger", "message", "event"}
    assert told["message"] == "library.scanned"


def test_people_read_an_event_once_with_its_facts_behind_it(kept: Kept) -> None:
    line = PLAIN.format(of_event(kept, Event(EventName.COMPOSED, AT, SUBJECT, (), {"seconds": 0.5, "adapters": 2})))
    assert line.count("compose.request") == line.count(str(SUBJECT)) == 1
    assert line.endswith("[lora_manager.events] seconds=0.5 adapters=2")


def test_where_events_are_not_heard_nothing_is_made_of_them(kept: Kept) -> None:
    logging.getLogger("lora_manager.events").setLevel(logging.WARNING)
    LoggingEventLog().record([Event(EventName.SCANNED, AT)])
    assert kept.records == []


def test_the_ids_of_what_is_worked_on_stand_in_every_line(kept: Kept) -> None:
    expected = {key: TRAIL[key] for key in ("request_id", "caller", "delivery_id")} | {"trace_id": "ab" * 16}
    with following(TRAIL):
        for record in (a_record(), of_event(kept, Event(EventName.SCANNED, AT))):
            told, line = as_json(record), PLAIN.format(record)
            assert {key: told.get(key) for key in expected} == expected
            assert "traceparent" not in told
            assert all(f"{key}={value}" in line for key, value in expected.items())
    with following({"request_id": "alone"}):
        assert as_json(a_record()).keys() == {"time", "level", "logger", "message", "request_id"}
    assert "request_id" not in as_json(a_record())


def test_a_fault_is_told_with_its_traceback_and_without_the_values_of_variables() -> None:
    for format_, record in ((JSON, a_fault("broken")), (PLAIN, a_fault("broken")), (COLOURED, a_fault("broken"))):
        line = format_.format(record)
        assert "Traceback (most recent call last)" in line
        assert "RuntimeError: broken" in line
        assert "s3cret" not in line
    assert as_json(a_fault("broken"))["exception"].endswith("RuntimeError: broken")
    assert "exc_info" not in as_json(a_fault("broken"))


def test_json_holds_whatever_was_said_in_one_line_of_ascii() -> None:
    assert as_json(a_record(FORGED))["message"] == FORGED
    assert as_json(a_record("schön 🎨"))["message"] == "schön 🎨"
    with following({"caller": FORGED}):
        assert as_json(a_record())["caller"] == FORGED
    assert as_json(a_fault(FORGED))["exception"].endswith(FORGED)


@pytest.mark.parametrize("format_", [PLAIN, COLOURED], ids=["plain", "coloured"])
def test_nothing_that_a_client_sends_makes_a_line_of_its_own_or_drives_the_terminal(format_: logging.Formatter) -> None:
    record = a_record(FORGED, name="lora_manager.events", event=FORGED, subject=FORGED, fields=(), facts={"m": FORGED})
    with following({"caller": FORGED}):
        line = format_.format(record)
    for escape in ("\\n", "\\r", "\\x1b[2J", "\\x9b", "\\x85", "\\u2028", "\\u202e", "\\ud800", "\\x7f"):
        assert escape in line
    assert not set(line) & set("\n\r\x9b\x85\u2028\u202e\ud800\x7f")
    assert "\x1b[2J" not in line


def test_what_can_be_read_is_shown_as_it_is() -> None:
    assert "schön 🎨" in PLAIN.format(a_record("schön 🎨"))


def test_every_line_of_a_traceback_is_indented_so_that_none_looks_like_a_log_line() -> None:
    first, *rest = PLAIN.format(a_fault("2026-01-01\n2026-01-02T03:04:05.678Z [error] forged")).split("\n")
    assert first.startswith("2026-01-02T03:04:05.678Z")
    assert rest
    assert all(line.startswith("    ") for line in rest)


def test_colours_are_where_they_are_wanted() -> None:
    assert "\x1b[" in COLOURED.format(a_record())
    assert "\x1b" not in PLAIN.format(a_record())


def test_a_level_that_somebody_made_up_is_told_all_the_same() -> None:
    record = a_record()
    record.levelname, record.levelno = "TRACE", 5
    assert as_json(record)["level"] == "trace"
    assert "trace" in PLAIN.format(record)
    assert "trace" in COLOURED.format(record)
