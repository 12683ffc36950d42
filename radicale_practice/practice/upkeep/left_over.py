"""What stands beside rows that have gone.

It says something of people, and no erasing finds it. The triggers take it along, but for a deletion by a
REPEATABLE READ program (PostgreSQL) whose snapshot is older than what is beside, and while they are off.
"""

from __future__ import annotations

from radicale_practice.practice.database import UnitOfWork

LEFT_OVER = {
    "event_extra": "appointment_id NOT IN (SELECT id FROM appointment)",
    "personal_extra": "appointment_id NOT IN (SELECT id FROM appointment)"
    " OR staff_id NOT IN (SELECT id FROM staff)",
    "occurrence": "series_id NOT IN (SELECT id FROM appointment)",
    "series_expansion": "series_id NOT IN (SELECT id FROM appointment)",
    "patient_name": "patient_id NOT IN (SELECT id FROM patient)",
}
"""Table -> condition of the rows that belong to nothing."""


def forget(uow: UnitOfWork) -> None:
    """Delete all of it."""
    for table, condition in LEFT_OVER.items():
        uow.connection.exec_driver_sql(f"DELETE FROM {table} WHERE {condition}")
