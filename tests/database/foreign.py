"""A foreign program's connection: the bare driver, none of our code, plain SQL."""

from __future__ import annotations

import sqlite3
from typing import Any

import psycopg


def connect(url: str) -> Any:
    """A driver connection in autocommit mode (transactions by explicit BEGIN)."""
    if url.startswith("sqlite:///"):
        return sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None, timeout=60)
    return psycopg.connect(url, autocommit=True, application_name="vendor")


def parameters(url: str, sql: str) -> str:
    """``?`` placeholders as the driver wants them."""
    return sql if url.startswith("sqlite:///") else sql.replace("?", "%s")
