"""Radicale's storage lock is our unit of work: opened by the first statement, ended with the lock."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from radicale_practice.plugins import request
from radicale_practice.practice.database import Database, Mode, UnitOfWork


@contextmanager
def unit_of_work(database: Database, mode: Mode, paths: list[str]) -> Iterator[UnitOfWork]:
    """One unit for one of Radicale's locks; ``paths`` are those a writer touches, for our writers' mutex.

    Radicale swallows a ``ValueError`` of ours inside the lock and leaves normally: the unit is marked by
    then (``UnitOfWork.operation``) and rolls back. Raises ``Unavailable`` if the database is away.
    """
    current = request.current()
    unit = UnitOfWork(database, mode, current.actor())
    current.unit = unit
    try:
        with current.noting_failures():
            try:
                if mode == "w" and paths:
                    unit.lock_paths(paths)
                yield unit
            except BaseException:
                _abandon(unit)
                raise
            unit.end()
    finally:
        current.unit = None


def _abandon(unit: UnitOfWork) -> None:
    """Roll back; a connection that is already dead must not hide the error that brought us here."""
    try:
        unit.abandon()
    except Exception:  # noqa: BLE001 - the first error is on its way up
        unit.closed = True
