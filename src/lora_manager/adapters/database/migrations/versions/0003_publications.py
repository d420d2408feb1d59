"""Publications, the outbox; what a LoRA said of its own publication goes."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

Id = sa.LargeBinary(16).with_variant(sa.Uuid(), "postgresql")
CodePoints = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.drop_column("adapters", "publication")
    op.create_table(
        "publications",
        sa.Column("adapter_id", Id, nullable=False),
        sa.Column("event", CodePoints, nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("waiting_since", sa.BigInteger),
        sa.Column("due_at", sa.BigInteger),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("published_revision", sa.BigInteger),
        sa.Column("synced_at", sa.BigInteger),
        sa.Column("version", CodePoints),
        sa.Column("uri", CodePoints),
        sa.Column("detail", sa.Text),
        sa.PrimaryKeyConstraint("adapter_id", name="pk_publications"),
    )
    waits = sa.text("due_at IS NOT NULL")
    op.create_index(
        "ix_publications_due", "publications", ["due_at", "adapter_id"], sqlite_where=waits, postgresql_where=waits
    )


def downgrade() -> None:
    op.drop_table("publications")
    # The JSON of a publication of which nothing is known.
    op.add_column("adapters", sa.Column("publication", sa.Text, nullable=False, server_default="{}"))
