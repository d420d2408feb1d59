"""The registry: adapters, their tags, and scans of the library."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

FAR = 2**62

Id = sa.LargeBinary(16).with_variant(sa.Uuid(), "postgresql")
CodePoints = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "adapters",
        sa.Column("id", Id, nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("deleted_at", sa.BigInteger),
        sa.Column("name", CodePoints, nullable=False),
        sa.Column("version", CodePoints),
        sa.Column("active", sa.Boolean, nullable=False),
        sa.Column("ordinal", sa.BigInteger),
        sa.Column(
            "ordinal_up", sa.BigInteger, sa.Computed(f"coalesce(ordinal, {FAR})", persisted=True), nullable=False
        ),
        sa.Column(
            "ordinal_down", sa.BigInteger, sa.Computed(f"coalesce(ordinal, -{FAR})", persisted=True), nullable=False
        ),
        sa.Column("weight", sa.Double, nullable=False),
        sa.Column("te_weight", sa.Double),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
        sa.Column("base_model", CodePoints),
        sa.Column("validation_state", CodePoints, nullable=False),
        sa.Column("file_state", CodePoints),
        sa.Column("size_bytes", sa.BigInteger),
        sa.Column(
            "size_bytes_up", sa.BigInteger, sa.Computed(f"coalesce(size_bytes, {FAR})", persisted=True), nullable=False
        ),
        sa.Column(
            "size_bytes_down",
            sa.BigInteger,
            sa.Computed(f"coalesce(size_bytes, -{FAR})", persisted=True),
            nullable=False,
        ),
        sa.Column("modified_ns", sa.BigInteger),
        sa.Column("sha256", CodePoints),
        sa.Column("autov3", CodePoints),
        sa.Column("file_path", CodePoints, nullable=False),
        sa.Column("archetype", CodePoints),
        sa.Column("archetype_confidence", sa.Double),
        sa.Column("preview_url", CodePoints),
        sa.Column("title", CodePoints),
        sa.Column("search_text", CodePoints, nullable=False),
        sa.Column("description", CodePoints),
        sa.Column("tags", sa.Text, nullable=False),
        sa.Column("triggers", sa.Text, nullable=False),
        sa.Column("file", sa.Text),
        sa.Column("validation", sa.Text, nullable=False),
        sa.Column("publication", sa.Text, nullable=False),
        sa.Column("provenance", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_adapters"),
    )
    _index_living("uq_adapters_name_version", ["name", sa.text("coalesce(version, '')")], unique=True)
    for key in (
        "created_at",
        "name",
        "ordinal_down",
        "ordinal_up",
        "size_bytes_down",
        "size_bytes_up",
        "updated_at",
        "weight",
    ):
        _index_living(f"ix_adapters_by_{key}", [key, "id"])
    _index_living("ix_adapters_autov3", ["autov3"])
    op.create_index(
        "ix_adapters_active",
        "adapters",
        ["ordinal_up"],
        sqlite_where=sa.text("active IS 1 AND deleted_at IS NULL"),
        postgresql_where=sa.text("active IS true AND deleted_at IS NULL"),
    )
    op.create_index("ix_adapters_sha256", "adapters", ["sha256"])
    op.create_index("ix_adapters_path_head", "adapters", [sa.text("substr(file_path, 1, 200)")])
    op.create_table(
        "adapter_tags",
        sa.Column("adapter_id", Id, nullable=False),
        sa.Column("tag", CodePoints, nullable=False),
        sa.PrimaryKeyConstraint("adapter_id", "tag", name="pk_adapter_tags"),
        sa.ForeignKeyConstraint(["adapter_id"], ["adapters.id"], name="fk_adapter_tags_adapter_id"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_adapter_tags_tag_adapter_id", "adapter_tags", ["tag", "adapter_id"])
    op.create_table(
        "scans",
        sa.Column("id", Id, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_scans"),
    )


def _index_living(name: str, columns: list[str | sa.TextClause], *, unique: bool = False) -> None:
    living = sa.text("deleted_at IS NULL")
    op.create_index(name, "adapters", columns, unique=unique, sqlite_where=living, postgresql_where=living)


def downgrade() -> None:
    op.drop_table("scans")
    op.drop_table("adapter_tags")
    op.drop_table("adapters")
