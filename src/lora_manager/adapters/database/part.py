"""Whether the database answers."""

import asyncio

from sqlalchemy import text

from lora_manager.adapters.database.engine import Database
from lora_manager.adapters.database.errors import translated
from lora_manager.ports.readiness import Part

_PATIENCE_S = 5


class DatabasePart(Part):
    """Asks the database for a trifle."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @property
    def name(self) -> str:
        return "database"

    async def check(self) -> None:
        with translated(self._database.place):
            async with asyncio.timeout(_PATIENCE_S), self._database.engine.connect() as connection:
                await connection.execute(text("SELECT 1"))
