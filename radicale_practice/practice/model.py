"""The words of the practice as plain dataclasses: no SQL, no iCalendar.

Times are wall times as people mean them: naive ``datetime`` plus the IANA zone beside it. An all-day
appointment has both at midnight, its end exclusive.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Role(StrEnum):
    """What a member of staff is in the practice."""

    PRACTITIONER = "practitioner"
    RECEPTIONIST = "receptionist"
    ADMINISTRATOR = "administrator"


class Access(StrEnum):
    """What a member of staff may do with a calendar; ordered by ``rank``."""

    BUSY = "busy"
    READ = "read"
    WRITE = "write"

    @property
    def rank(self) -> int:
        """0 for busy, 1 for read, 2 for write."""
        return ("busy", "read", "write").index(self.value)


class View(StrEnum):
    """How much of an appointment is shown, most open first."""

    FULL = "full"
    FIRST_NAME = "first-name"
    PSEUDONYM = "pseudonym"
    INITIALS = "initials"
    NUMBER = "number"
    SUBJECT = "subject"
    BUSY = "busy"


class Status(StrEnum):
    """Status of an appointment."""

    BOOKED = "booked"
    CONFIRMED = "confirmed"
    ARRIVED = "arrived"
    DONE = "done"
    INVOICED = "invoiced"
    CANCELLED = "cancelled"
    NO_SHOW = "no_show"
    UNCONFIRMED = "unconfirmed"


DOCUMENTED = frozenset({Status.ARRIVED, Status.DONE, Status.INVOICED, Status.NO_SHOW})
"""What has happened and been written down: no device changes it."""


class CalendarKind(StrEnum):
    """A practitioner's column, a room's column, or a person's private calendar."""

    PRACTITIONER = "practitioner"
    ROOM = "room"
    PRIVATE = "private"


@dataclass(frozen=True, slots=True)
class Patient:
    """One patient. ``number`` is the practice-wide patient number."""

    id: int
    number: str
    first_name: str
    last_name: str
    phone: str = ""


@dataclass(frozen=True, slots=True)
class Location:
    """A place the practice works at."""

    id: int
    name: str


@dataclass(frozen=True, slots=True)
class Appointment:
    """One entry of the practice calendar: a single, a series' master, or one overridden instance.

    ``extra`` and ``personal`` are opaque to the practice: what the event layer keeps of a client's
    VEVENT beyond the practice's own fields, for all people and for the viewer alone.
    """

    start: datetime
    end: datetime
    time_zone: str
    all_day: bool = False
    subject: str = ""
    patient: Patient | None = None
    location: Location | None = None
    location_text: str = ""
    room: str = ""
    status: Status = Status.BOOKED
    note: str = ""
    phone: str = ""
    transparent: bool = False
    unconfirmed_reason: str = ""
    author_staff_id: int | None = None
    rrule: str = ""
    rdate: tuple[datetime, ...] = ()
    exdate: tuple[datetime, ...] = ()
    recurrence_id: datetime | None = None
    extra: str = ""
    personal: str = ""
    id: int | None = None
    public_id: str = ""

    @property
    def is_series(self) -> bool:
        """Whether this is the master of a recurring appointment."""
        return bool(self.rrule or self.rdate)

    @property
    def documented(self) -> bool:
        """Whether it has happened and been written down."""
        return self.status in DOCUMENTED


@dataclass(frozen=True, slots=True)
class CalendarObject:
    """What one CalDAV resource shows: an appointment, or a series with its overridden instances.

    ``appointments`` holds the master (or the single one) first, then overridden instances by
    ``recurrence_id``, cancelled ones included. ``elsewhere`` are instances whose override lives in
    another calendar: excluded here, objects of their own there. ``extra`` is the event layer's opaque
    text for the VCALENDAR.
    """

    uid: str
    appointments: tuple[Appointment, ...]
    elsewhere: frozenset[datetime] = frozenset()
    extra: str = ""

    @property
    def master(self) -> Appointment | None:
        """The single appointment or the master; None if only overridden instances are known."""
        first = self.appointments[0] if self.appointments else None
        return first if first is not None and first.recurrence_id is None else None

    @property
    def overrides(self) -> tuple[Appointment, ...]:
        """The overridden instances, cancelled ones included."""
        return tuple(a for a in self.appointments if a.recurrence_id is not None)


@dataclass(frozen=True, slots=True)
class Window:
    """How far a device looks: whole days before and after today; None means no limit."""

    days_back: int | None = None
    days_ahead: int | None = None


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who is asking, decided once at authentication.

    ``view`` and ``permission`` limit every calendar's access further; ``program`` is the client as far
    as known (``programs.same_program``), ``device_id`` None for a sign-in with the staff password.
    """

    practice_id: int
    staff_id: int
    user_name: str
    display_name: str
    role: Role
    view: View = View.FULL
    permission: Access = Access.WRITE
    window: Window = field(default_factory=Window)
    device_id: int | None = None
    program: str = ""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who changes something: for journal, brake and triggers. Our own programs have no staff id."""

    staff_id: int | None = None
    device_id: int | None = None
    program: str = ""

    @property
    def source(self) -> str:
        """One key for "the same device": the device, else person and program. Empty for our programs."""
        if self.device_id is not None:
            return f"device:{self.device_id}"
        return f"staff:{self.staff_id}:{self.program}" if self.staff_id is not None else ""


@dataclass(frozen=True, slots=True)
class Projection:
    """Everything that decides the bytes one viewer gets of one object, except the data itself."""

    staff_id: int
    view: View
    access: Access
    language: str
    time_zone: str
    window: Window = field(default_factory=Window)
    title_with_patient: str = "{patient} – {subject}"
    appointment_link: str = ""
    show_note: bool = True
    subjects: frozenset[str] = frozenset()


class FindingKind(StrEnum):
    """What a person in the practice should look at after a title was typed on a device."""

    UNLINKED = "unlinked"
    CHANGED_PATIENT = "changed-patient"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something noticed while reading an upload; ``recurrence_id`` names the instance, None the master."""

    kind: FindingKind
    recurrence_id: datetime | None = None
    former_patient_id: int | None = None
