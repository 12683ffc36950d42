"""The appointment book: what devices upload, and what the practice's own programs do.

Both sides write through the same code. The functions for devices check the viewer's access, the documented
appointments, the burst brake and double booking, and answer with an ``Outcome``; those for programs act for
the practice itself and raise.
"""

from __future__ import annotations

from collections.abc import Sequence

from radicale_practice.practice.book.cancel import (
    cancel,
    note_missed_change,
    note_missed_deletion,
    note_outdated_deletion,
    refuse_read_only,
)
from radicale_practice.practice.book.change import change
from radicale_practice.practice.book.create import create
from radicale_practice.practice.book.instances import instance_on
from radicale_practice.practice.book.move import move
from radicale_practice.practice.book.recognised_moves import (
    Copy,
    Deletion,
    Moved,
    copy_made_just_now,
    deleted_just_now,
)
from radicale_practice.practice.book.staff_side import (
    NewAppointment,
    NewSeries,
    Shown,
    add,
    add_series,
    cancel_appointment,
    clashes,
    link_patient,
    reschedule,
    restore,
    set_status,
    show,
    show_instance,
)
from radicale_practice.practice.book.title_findings import Titles
from radicale_practice.practice.database import UnitOfWork
from radicale_practice.practice.model import CalendarObject, Finding, Viewer
from radicale_practice.practice.projections import Practice
from radicale_practice.practice.reading.calendar_objects import StoredObject
from radicale_practice.practice.rules.refusals import Outcome

__all__ = [
    "Copy",
    "Deletion",
    "Moved",
    "NewAppointment",
    "NewSeries",
    "Outcome",
    "Shown",
    "Titles",
    "add",
    "add_series",
    "apply",
    "cancel",
    "cancel_appointment",
    "clashes",
    "copy_made_just_now",
    "deleted_just_now",
    "instance_on",
    "link_patient",
    "move",
    "note_missed_change",
    "note_missed_deletion",
    "note_outdated_deletion",
    "refuse_read_only",
    "reschedule",
    "restore",
    "set_status",
    "show",
    "show_instance",
]


def apply(
    uow: UnitOfWork,
    viewer: Viewer,
    practice: Practice,
    calendar_id: int,
    current: StoredObject | None,
    desired: CalendarObject,
    href: str,
    findings: Sequence[Finding] = (),
    moved: Moved | None = None,
) -> Outcome:
    """Take over an upload (RFC 4791 5.3.2): a new event, or the change of ``current`` to ``desired``.

    To be called inside ``uow.operation()`` with the paths locked. Raises ``NotPermitted`` for a new event
    without write access, ``Conflict`` if its identity is taken; every refusal of a change is an outcome.
    ``moved``: the other half of a move of which this is the second, if the caller found one.
    """
    if current is None:
        return create(uow, viewer, practice, calendar_id, desired, href, findings, moved)
    return change(uow, viewer, practice, calendar_id, current, desired, findings, moved)
