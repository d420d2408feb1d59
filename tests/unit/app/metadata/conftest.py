"""What the tests of publishing share."""

import pytest

from tests.unit.app.metadata.press import Press


@pytest.fixture
async def press() -> Press:
    return Press()
