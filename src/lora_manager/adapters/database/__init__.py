"""The registry in SQLite or PostgreSQL: SQLAlchemy Core, explicit rows, Alembic migrations."""
