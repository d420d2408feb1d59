"""What the tests of deliveries share."""

import pytest

from tests.unit.app.deliveries.post import Post


@pytest.fixture
async def post() -> Post:
    return Post()
