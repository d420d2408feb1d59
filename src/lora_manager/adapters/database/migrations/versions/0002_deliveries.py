"""Deliveries, and what workers find them by."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

Id = sa.LargeBinary(16).with_variant(sa.Uuid(), "postgresql")
CodePoints = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "deliveries",
        sa.Column("id", Id, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("status", CodePoints, nullable=False),
        sa.Column("mode", CodePoints, nullable=False),
        sa.Column("runtime", CodePoints),
        sa.Column("idempotency_key", CodePoints),
        sa.Column("idempotency_fingerprint", CodePoints),
        sa.Column("next_attempt_at", sa.BigInteger),
        sa.Column("lease_until", sa.BigInteger),
        sa.Column("due_at", sa.BigInteger, sa.Computed("coalesce(lease_until, next_attempt_at)", persisted=True)),
        sa.Column("lease_fence", sa.Integer),
        sa.Column("attempts_left", sa.Integer, nullable=False),
        sa.Column("max_attempts", sa.Integer, nullable=False),
        sa.Column("timeout_s", sa.Double, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("started_at", sa.BigInteger),
        sa.Column("finished_at", sa.BigInteger),
        sa.Column("progress", sa.Text, nullable=False),
        sa.Column("error", sa.Text),
        sa.Column("attempts", sa.Text, nullable=False),
        sa.Column("history", sa.Text, nullable=False),
        sa.Column("prompt", CodePoints, nullable=False),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("params", sa.Text, nullable=False),
        sa.Column("result", sa.Text),
        sa.PrimaryKeyConstraint("id", name="pk_deliveries"),
    )
    _index("ix_deliveries_due", ["due_at", "id"], "due_at IS NOT NULL AND runtime IS NULL")
    _index("ix_deliveries_due_by_runtime", ["runtime", "due_at", "id"], "due_at IS NOT NULL AND runtime IS NOT NULL")
    _index("ix_deliveries_leased", ["runtime", "lease_until"], "lease_until IS NOT NULL AND runtime IS NOT NULL")
    _index("uq_deliveries_idempotency_key", ["idempotency_key"], "idempotency_key IS NOT NULL", unique=True)
    op.create_index("ix_deliveries_status_mode_id", "deliveries", ["status", "mode", "id"])


def _index(name: str, columns: list[str], condition: str, *, unique: bool = False) -> None:
    where = sa.text(condition)
    op.create_index(name, "deliveries", columns, unique=unique, sqlite_where=where, postgresql_where=where)


def downgrade() -> None:
    op.drop_table("deliveries")
