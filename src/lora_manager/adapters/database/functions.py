"""What the two databases name differently."""

from typing import Any

from sqlalchemy import Integer
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeEngine


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
