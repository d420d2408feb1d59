"""The queries that find what a worker may claim.

What goes to a runtime that takes only so many at once stands in a line of that runtime; all else stands in one line.
Every query looks at the heads of the lines only, so that a long line in front of one runtime slows down nobody.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Select, bindparam, func, select, union_all

from lora_manager.adapters.database.columns import Moment
from lora_manager.adapters.database.delivery_rows import DELIVERY_COLUMNS
from lora_manager.adapters.database.lookups import any_of, numbered
from lora_manager.adapters.database.tables import LIMITED, UNLIMITED, WAITS, deliveries

# A claim takes from no more runtimes than this: SQLite joins no more than 500 queries into one.
# Source: https://sqlite.org/limits.html, "Maximum Number Of Terms In A Compound SELECT Statement".
MAX_RUNTIMES = 64
_LOCK = 0x4C6F5242  # any number nobody else locks in a pair

_c = deliveries.c
_NOW = bindparam("now", type_=Moment)
_LIMIT = bindparam("limit", type_=BigInteger)
_ONLY = bindparam("only", type_=_c.id.type)
_ORDER = (_c.due_at, _c.id)
_COLUMNS = (*DELIVERY_COLUMNS, _c.due_at)


@lru_cache
def unlimited_due(*, only: bool) -> Select[Any]:
    """The head of the line without a runtime.

    :param only: of one delivery alone
    """
    return _head(UNLIMITED, only=only, columns=_COLUMNS).limit(_LIMIT).with_for_update(skip_locked=True)


@lru_cache
def runtimes(*, only: bool, locked: bool) -> Select[Any]:
    """The runtimes that have something due and, unless it is for one delivery alone, room for it.

    Two workers that looked at one runtime at the same moment would both find room there. So where units of work run
    beside each other, a worker claims from a runtime only while it holds the runtime's lock, which lasts until what it
    claimed is committed, and passes over a runtime that another one claims from. It counts what runs there in the next
    statement, which sees all that was committed before it got the lock. (Runtimes of equal hashes share a lock: at
    worst, one is passed over for once.)

    :param locked: lock them, and leave out those that another worker holds; for PostgreSQL
    """
    found = (select(_c.runtime).where(LIMITED, _c.id == _ONLY) if only else _runtimes_with_room()).subquery("found")
    query = select(found.c.runtime).limit(_LIMIT)
    return query.where(func.pg_try_advisory_xact_lock(_LOCK, func.hashtext(found.c.runtime))) if locked else query


def _runtimes_with_room() -> Select[Any]:
    """Those first where something has been due for longest.

    From one runtime the index is searched for the next, whatever stands between: few runtimes have long lines.
    Source: https://wiki.postgresql.org/wiki/Loose_indexscan.
    """
    first = select(func.min(_c.runtime).label("runtime")).where(WAITS, LIMITED).cte("waiting", recursive=True)
    following = select(func.min(_c.runtime)).where(WAITS, LIMITED, _c.runtime > first.c.runtime).scalar_subquery()
    waiting = first.union_all(select(following).where(first.c.runtime.is_not(None)))
    due_at = select(func.min(_c.due_at)).where(WAITS, _c.runtime == waiting.c.runtime).scalar_subquery()
    running = select(func.count()).where(_c.runtime == waiting.c.runtime, _c.lease_until > _NOW).scalar_subquery()
    room = running < bindparam("at_once", type_=BigInteger)
    return (
        select(waiting.c.runtime)
        .where(waiting.c.runtime.is_not(None), due_at <= _NOW, room)
        .order_by(due_at)
        .limit(MAX_RUNTIMES)
    )


def running(runtimes: Sequence[str]) -> tuple[Select[Any], dict[str, Any]]:
    """How many run in each of these runtimes; those without any are left out.

    :param runtimes: 1 to :data:`MAX_RUNTIMES`
    """
    return _running(len(runtimes)), numbered("runtime", runtimes)


@lru_cache
def _running(count: int) -> Select[Any]:
    in_them = any_of(_c.runtime, "runtime", count)
    return select(_c.runtime, func.count()).where(in_them, _c.lease_until > _NOW).group_by(_c.runtime)


def limited_due(room: Mapping[str, int], *, only: bool) -> tuple[Select[Any], dict[str, Any]]:
    """The heads of these runtimes' lines.

    :param room: how many more each runtime takes; 1 to :data:`MAX_RUNTIMES` runtimes
    :param only: of one delivery alone
    """
    values = {**numbered("runtime", list(room)), **numbered("room", list(room.values()))}
    return _limited_due(len(room), only=only), values


@lru_cache
def _limited_due(count: int, *, only: bool) -> Select[Any]:
    heads = [
        _head(_c.runtime == bindparam(f"runtime_{number}", type_=_c.runtime.type), only=only, columns=(_c.id,))
        .limit(bindparam(f"room_{number}", type_=BigInteger))
        .subquery()
        for number in range(count)
    ]
    among_them = _c.id.in_(union_all(*(select(head.c.id) for head in heads)))
    return _head(among_them, only=False, columns=_COLUMNS).limit(_LIMIT).with_for_update(skip_locked=True)


def _head(line: ColumnElement[bool], *, only: bool, columns: Sequence[ColumnElement[Any]]) -> Select[Any]:
    query = select(*columns).where(line, _c.due_at <= _NOW).order_by(*_ORDER)
    return query.where(_c.id == _ONLY) if only else query
