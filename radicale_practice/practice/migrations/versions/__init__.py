"""Alembic migrations: written explicitly, never made from the tables' present description."""
