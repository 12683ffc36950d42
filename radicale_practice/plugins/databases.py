"""The database named in Radicale's configuration, one object a process for all plugins."""

from __future__ import annotations

import threading

from radicale import config

from radicale_practice.practice.database import Database

DATABASE_VARIABLE = "RADICALE_PRACTICE_DATABASE"
"""Environment variable that names the database for worker processes, before the configuration file."""

_guard = threading.Lock()
_databases: dict[str, Database] = {}


def database_of(configuration: config.Configuration) -> Database:
    """The database of ``[storage] database`` (an SQLAlchemy URL).

    Raises ``RuntimeError`` if the option is missing. No connection is made here: workers may still fork.
    """
    try:
        url = str(configuration.get("storage", "database"))
    except KeyError:
        url = ""
    if not url:
        raise RuntimeError("the option 'database' is missing in section [storage]")
    with _guard:
        if url not in _databases:
            _databases[url] = Database(url)
        return _databases[url]
