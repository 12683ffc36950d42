"""The tables: ``practice_tables`` knows nothing of CalDAV, ``sync_tables`` stands beside them."""

from radicale_practice.practice.schema import practice_tables, sync_tables
from radicale_practice.practice.schema.basis import series_basis
from radicale_practice.practice.schema.columns import metadata

__all__ = ["metadata", "practice_tables", "series_basis", "sync_tables"]
