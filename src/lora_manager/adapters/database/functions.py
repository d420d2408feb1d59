"""What the two databases name differently."""

from datetime import datetime
from typing import Any

from sqlalchemy import Integer
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeEngine

from lora_manager.adapters.database.columns import Moment


class place_in(FunctionElement[int]):  # noqa: N801  # SQLAlchemy names functions as SQL does
    """The place of the second text in the first, 0 where it is not; no character has a meaning, as in LIKE."""

    type: TypeEngine[int] = Integer()
    inherit_cache: bool | None = True


@compiles(place_in, "sqlite")
def _instr(element: place_in, compiler: SQLCompiler, **options: Any) -> str:
    return f"instr{compiler.process(element.clause_expr, **options)}"


@compiles(place_in, "postgresql")
def _strpos(element: place_in, compiler: SQLCompiler, **options: Any) -> str:
    return f"strpos{compiler.process(element.clause_expr, **options)}"


class clock_now(FunctionElement[datetime]):  # noqa: N801  # as above
    """The time by the database's own clock, by which all who share it go; in SQLite exact to a millisecond."""

    type: TypeEngine[datetime] = Moment()
    inherit_cache: bool | None = True


@compiles(clock_now, "sqlite")
def _julian(_element: clock_now, _compiler: SQLCompiler, **_options: Any) -> str:
    return "CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER)"  # 2440587.5 is the beginning of 1970


@compiles(clock_now, "postgresql")
def _clock_timestamp(_element: clock_now, _compiler: SQLCompiler, **_options: Any) -> str:
    return "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)"
