"""Driving two connections to PostgreSQL step by step: who may wait for a lock has a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import psycopg


class Step(threading.Thread):
    """One step in a thread of its own, because it may wait for a lock."""

    def __init__(self, action: Callable[[], Any]) -> None:
        super().__init__(daemon=True)
        self.action = action
        self.result: Any = None
        self.error: BaseException | None = None
        self.start()

    def run(self) -> None:
        try:
            self.result = self.action()
        except BaseException as error:
            self.error = error

    def finished(self) -> Any:
        """Wait for its end; returns its result, raises what it raised."""
        self.join(120)
        assert not self.is_alive()
        if self.error is not None:
            raise self.error
        return self.result


_BLOCKED = "SELECT count(*) FROM pg_stat_activity WHERE cardinality(pg_blocking_pids(pid)) > 0 AND "


def wait_until_blocked(url: str, connection: Any, step: Step) -> bool:
    """Until that connection waits for a lock (True) or the step has ended (False)."""
    return _wait(url, step, "pid = %s", connection.info.backend_pid)


def wait_until_somebody_is_blocked(url: str, step: Step) -> bool:
    """Until anybody in this database waits for a lock (True) or the step has ended (False)."""
    return _wait(url, step, "datname = %s", psycopg.conninfo.conninfo_to_dict(url)["dbname"])


def _wait(url: str, step: Step, condition: str, value: Any) -> bool:
    with psycopg.connect(url, autocommit=True) as observer:
        while step.is_alive():
            row = observer.execute(f"{_BLOCKED}{condition}", (value,), prepare=False).fetchone()
            if row is not None and row[0]:
                return True
    return False
