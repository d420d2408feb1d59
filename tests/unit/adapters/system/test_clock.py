from datetime import UTC, datetime

from lora_manager.adapters.system.clock import SystemClock


def test_the_time_is_the_machines_in_utc() -> None:
    before = datetime.now(UTC)
    now = SystemClock().now()
    assert before <= now <= datetime.now(UTC)
    assert now.tzinfo is UTC
