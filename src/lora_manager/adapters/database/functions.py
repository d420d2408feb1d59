"""What the two databases name differently."""

from typing import Any

from sqlalchemy import Integer
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import GenericFunction
from sqlalchemy.types import TypeEngine


class contains(GenericFunction[int]):  # noqa: N801  # SQLAlchemy names functions as SQL does
    """The place of the second text in the first, 0 where it is not; no character has a meaning, as in LIKE."""

    type: TypeEngine[int] = Integer()
    inherit_cache = True


@compiles(contains, "sqlite")
def _instr(element: contains, compiler: SQLCompiler, **options: Any) -> str:
    return f"instr{compiler.process(element.clause_expr, **options)}"


@compiles(contains, "postgresql")
def _strpos(element: contains, compiler: SQLCompiler, **options: Any) -> str:
    return f"strpos{compiler.process(element.clause_expr, **options)}"
