"""The trails of deliveries and publications; what was stored before has none."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    # Without a value in any row: neither database rewrites a table for that, and a process of the release before, which
    # does not know of the column, goes on writing rows.
    op.add_column("deliveries", sa.Column("trail", sa.Text))
    op.add_column("publications", sa.Column("trail", sa.Text))


def downgrade() -> None:
    op.drop_column("publications", "trail")
    op.drop_column("deliveries", "trail")
