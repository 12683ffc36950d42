"""Alembic's entry: runs the migrations on the connection that ``practice.migrate`` hands over."""

from __future__ import annotations

from alembic import context

from radicale_practice.practice.schema import metadata
from radicale_practice.practice.triggers.install import drop, install

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata,
    render_as_batch=connection.dialect.name == "sqlite",
    transaction_per_migration=False,
)
# Triggers and views would stand in the way of changed tables, and Alembic does not see them.
grants = drop(connection)
context.run_migrations()
install(connection, grants)
