"""The tables.

Columns that a query filters or orders by are columns of their own; the rest of a LoRA or a delivery is JSON that is
decoded straight into the domain's dataclasses. The wide ones stand last: a scan that stops at ``search_text`` never
touches them.
"""

from collections.abc import Iterable, Mapping
from itertools import chain

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Computed,
    Connection,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    event,
    func,
    literal_column,
)

from lora_manager.adapters.database.columns import CodePoints, Document, Id, Moment
from lora_manager.domain.delivery import Attempt, Content, DeliveryError, Happening, Progress
from lora_manager.domain.file.record import FileRecord
from lora_manager.domain.provenance import Source
from lora_manager.domain.scan import Scan
from lora_manager.domain.trigger import Trigger
from lora_manager.domain.validation import Validation

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    }
)

# Which rows an index holds, in ``Index.info``. SQLAlchemy asks for this by system, and reads the dialect of each one
# that is named: PostgreSQL's would take a tenth of the time in which a command starts.
ROWS = "rows"


@event.listens_for(metadata, "before_create")
def _hold_only_their_rows(_: MetaData, connection: Connection, tables: Iterable[Table], **__: object) -> None:
    for index in chain.from_iterable(table.indexes for table in tables):
        if ROWS in index.info:
            index.dialect_kwargs[f"{connection.dialect.name}_where"] = index.info[ROWS]


# A missing value comes last in both directions, so it is above all others in one column and below them in another.
# Beyond any ordinal (2**53) and any file size, and within 64 bits.
FAR = 2**62

adapters = Table(
    "adapters",
    metadata,
    Column("id", Id, primary_key=True),
    Column("revision", BigInteger, nullable=False),
    Column("deleted_at", Moment),
    Column("name", CodePoints, nullable=False),
    Column("version", CodePoints),
    Column("active", Boolean, nullable=False),
    Column("ordinal", BigInteger),
    Column("ordinal_up", BigInteger, Computed(f"coalesce(ordinal, {FAR})", persisted=True), nullable=False),
    Column("ordinal_down", BigInteger, Computed(f"coalesce(ordinal, -{FAR})", persisted=True), nullable=False),
    Column("weight", Double, nullable=False),
    Column("te_weight", Double),
    Column("created_at", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False),
    Column("base_model", CodePoints),
    Column("validation_state", CodePoints, nullable=False),
    Column("file_state", CodePoints),
    Column("size_bytes", BigInteger),
    Column("size_bytes_up", BigInteger, Computed(f"coalesce(size_bytes, {FAR})", persisted=True), nullable=False),
    Column("size_bytes_down", BigInteger, Computed(f"coalesce(size_bytes, -{FAR})", persisted=True), nullable=False),
    Column("modified_ns", BigInteger),
    Column("sha256", CodePoints),
    Column("autov3", CodePoints),
    Column("file_path", CodePoints, nullable=False),
    Column("archetype", CodePoints),
    Column("archetype_confidence", Double),
    Column("preview_url", CodePoints),
    Column("title", CodePoints),
    Column("search_text", CodePoints, nullable=False),
    Column("description", CodePoints),
    Column("tags", Document(tuple[str, ...]), nullable=False),
    Column("triggers", Document(tuple[Trigger, ...]), nullable=False),
    Column("file", Document(FileRecord)),
    Column("validation", Document(Validation), nullable=False),
    Column("provenance", Document(Mapping[str, Source]), nullable=False),
)

# PostgreSQL refuses to index text of more than 2,704 bytes: the head of a path finds it, the whole path decides.
PATH_HEAD = 200
path_head = func.substr(adapters.c.file_path, literal_column("1"), literal_column(str(PATH_HEAD)))

LIVING = adapters.c.deleted_at.is_(None)
ACTIVE = adapters.c.active.is_(True) & LIVING
SORT_KEYS = {
    "name": ("name", "name"),
    "created_at": ("created_at", "created_at"),
    "updated_at": ("updated_at", "updated_at"),
    "ordinal": ("ordinal_up", "ordinal_down"),
    "weight": ("weight", "weight"),
    "size_bytes": ("size_bytes_up", "size_bytes_down"),
}  # by OrderField: the column to sort by upwards, and downwards

Index(
    "uq_adapters_name_version",
    adapters.c.name,
    func.coalesce(adapters.c.version, literal_column("''")),
    unique=True,
    info={ROWS: LIVING},
)
Index("ix_adapters_active", adapters.c.ordinal_up, info={ROWS: ACTIVE})
for _column in sorted({column for columns in SORT_KEYS.values() for column in columns}):
    Index(
        f"ix_adapters_by_{_column}",
        adapters.c[_column],
        adapters.c.id,
        info={ROWS: LIVING},
    )
Index("ix_adapters_sha256", adapters.c.sha256)
Index("ix_adapters_autov3", adapters.c.autov3, info={ROWS: LIVING})
Index("ix_adapters_path_head", path_head)

# The tags once more, for look-ups; their order stands in adapters.tags.
adapter_tags = Table(
    "adapter_tags",
    metadata,
    Column("adapter_id", Id, ForeignKey("adapters.id"), primary_key=True),
    Column("tag", CodePoints, primary_key=True),
    Index("ix_adapter_tags_tag_adapter_id", "tag", "adapter_id"),
    sqlite_with_rowid=False,
)

scans = Table(
    "scans",
    metadata,
    Column("id", Id, primary_key=True),
    Column("document", Document(Scan), nullable=False),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", Id, primary_key=True),
    Column("revision", Integer, nullable=False),
    Column("status", CodePoints, nullable=False),
    Column("mode", CodePoints, nullable=False),
    Column("runtime", CodePoints),
    Column("idempotency_key", CodePoints),
    Column("idempotency_fingerprint", CodePoints),
    Column("next_attempt_at", Moment),
    Column("lease_until", Moment),
    Column("due_at", Moment, Computed("coalesce(lease_until, next_attempt_at)", persisted=True)),
    Column("lease_fence", Integer),
    Column("attempts_left", Integer, nullable=False),
    Column("max_attempts", Integer, nullable=False),
    Column("timeout_s", Double, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("started_at", Moment),
    Column("finished_at", Moment),
    Column("progress", Document(Progress), nullable=False),
    Column("error", Document(DeliveryError)),
    Column("attempts", Document(tuple[Attempt, ...]), nullable=False),
    Column("history", Document(tuple[Happening, ...]), nullable=False),
    Column("trail", Document(Mapping[str, str])),
    Column("prompt", CodePoints, nullable=False),
    Column("content", Document(Content), nullable=False),
    Column("params", Document(dict[str, object]), nullable=False),
    Column("result", Document(dict[str, object])),
)

# What ended leaves every index that workers search, so that these stay small whatever the table holds.
WAITS = deliveries.c.due_at.is_not(None)
LEASED = deliveries.c.lease_until.is_not(None)
KEYED = deliveries.c.idempotency_key.is_not(None)
UNLIMITED = deliveries.c.runtime.is_(None)
LIMITED = deliveries.c.runtime.is_not(None)

Index(
    "ix_deliveries_due",
    deliveries.c.due_at,
    deliveries.c.id,
    info={ROWS: WAITS & UNLIMITED},
)
Index(
    "ix_deliveries_due_by_runtime",
    deliveries.c.runtime,
    deliveries.c.due_at,
    deliveries.c.id,
    info={ROWS: WAITS & LIMITED},
)
Index(
    "ix_deliveries_leased",
    deliveries.c.runtime,
    deliveries.c.lease_until,
    info={ROWS: LEASED & LIMITED},
)
Index(
    "uq_deliveries_idempotency_key",
    deliveries.c.idempotency_key,
    unique=True,
    info={ROWS: KEYED},
)
Index("ix_deliveries_status_mode_id", deliveries.c.status, deliveries.c.mode, deliveries.c.id)

# The outbox. No foreign key: with one, whoever publishes would wait for whoever changes the LoRA.
publications = Table(
    "publications",
    metadata,
    Column("adapter_id", Id, primary_key=True),
    Column("event", CodePoints, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("waiting_since", Moment),
    Column("due_at", Moment),
    Column("attempts", Integer, nullable=False),
    Column("published_revision", BigInteger),
    Column("synced_at", Moment),
    Column("version", CodePoints),
    Column("uri", CodePoints),
    Column("detail", Document(str)),
    Column("trail", Document(Mapping[str, str])),
)

OUTSTANDING = publications.c.due_at.is_not(None)

Index(
    "ix_publications_due",
    publications.c.due_at,
    publications.c.adapter_id,
    info={ROWS: OUTSTANDING},
)
