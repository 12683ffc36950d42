"""One uploaded VEVENT against the row it changes: the practice's fields, the kept lines, the findings."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from radicale_practice.event import views
from radicale_practice.event.absorb_fields import (
    Base,
    TitleRead,
    bare_title,
    neutral_reminder,
    read_description,
    read_location,
    read_title,
    title_changed,
    with_fields,
)
from radicale_practice.event.directory import Directory, EmptyDirectory
from radicale_practice.event.extra import (
    Entry,
    Placed,
    Skeleton,
    dump_personal,
    dump_skeleton,
    load_personal,
    load_skeleton,
)
from radicale_practice.event.merge import (
    Rebuilder,
    least_positions,
    merged_entries,
    merged_personal,
    moved,
)
from radicale_practice.event.read_event import Facts
from radicale_practice.event.series import Former
from radicale_practice.event.title import Titles
from radicale_practice.event.values import midnight
from radicale_practice.practice import zones
from radicale_practice.practice.model import (
    Appointment,
    Finding,
    Projection,
    Status,
    View,
)
from radicale_practice.practice.series.recurrence import is_valid


@dataclass(frozen=True, slots=True)
class Uploaded:
    """One VEVENT of an upload: what it says, its pieces, and the line it begins at.

    ``series_zone``: the zone in which instances of its series are named.
    """

    facts: Facts
    entries: list[Entry]
    personal: list[Placed]
    line: int
    series_zone: str


class Reader:
    """Reads the VEVENTs of one upload; looks all their titles up in one go."""

    def __init__(
        self,
        projection: Projection,
        directory: Directory,
        program: Rebuilder | None,
        uploads: list[Uploaded],
    ) -> None:
        self._projection = projection
        self._directory = directory
        self._program = program
        self._uploads = uploads
        self._titles = Titles(directory, ())

    def look_up(self, before: Former) -> None:
        """Ask the directory for everybody whom a changed title of this upload could name."""
        wanted = set()
        for upload in self._uploads:
            typed = upload.facts.title
            base, certain = self._base_of(upload, before)
            if title_changed(typed, base, self._projection) or not certain:
                wanted.add(bare_title(typed, base, self._projection))
        if wanted:
            self._titles = Titles(self._directory, wanted)

    def _base_of(self, upload: Uploaded, before: Former) -> tuple[Base, bool]:
        """What a title is compared with, and whether it is that for certain.

        A new exception is read over its series as this same upload leaves it.
        """
        row = before.current.master if before.current is not None else None
        certain = True
        instance = upload.facts.recurrence_id
        if instance is not None:
            own = before.row(instance, upload.series_zone)
            certain = own is not None or upload.facts.title == self._uploads[0].facts.title
            row = own if own is not None else row
        return (Base(row, load_skeleton(row.extra).subject_by) if row is not None else Base()), certain

    def read(
        self,
        upload: Uploaded,
        row: Appointment | None,
        master: Appointment | None,
        findings: list[Finding],
    ) -> Appointment:
        """The desired row. ``row``: its present state; ``master``: the series' new one, for an exception."""
        facts = upload.facts
        present = row if row is not None else master
        skeleton = load_skeleton(present.extra) if present is not None else Skeleton()
        base = Base(present, skeleton.subject_by)
        title = self._title(facts, base)
        if title.finding is not None:
            findings.append(Finding(title.finding, facts.recurrence_id, title.former_patient_id))
        wanted = with_fields(
            self._timed(facts, row, present),
            base,
            title,
            read_location(facts.location, present, self._projection, self._directory),
            self._phone_and_note(facts, present),
        )
        subject_by = skeleton.subject_by
        if subject_by is None and present is not None and not present.extra and present.author_staff_id:
            subject_by = (present.author_staff_id, present.subject)
        if title.typed_subject:
            subject_by = (self._projection.staff_id, wanted.subject)
        return self._with_pieces(upload, wanted, row, present, subject_by)

    def _title(self, facts: Facts, base: Base) -> TitleRead:
        """What the title says; in a private calendar, which knows nobody, just the person's own words."""
        if not isinstance(self._directory, EmptyDirectory):
            return read_title(facts.title, base, self._projection, self._titles)
        present = base.appointment
        if present is not None and not title_changed(facts.title, base, self._projection):
            return TitleRead(present.patient, present.subject, typed_subject=False)
        typed = bare_title(facts.title, base, self._projection)
        return TitleRead(present.patient if present is not None else None, typed)

    def _timed(self, facts: Facts, row: Appointment | None, present: Appointment | None) -> Appointment:
        """The row with times, rule and status; a new one is the viewer's own."""
        if present is None:
            made = Appointment(
                start=facts.start,
                end=facts.end,
                time_zone=facts.zone,
                author_staff_id=self._projection.staff_id,
            )
        elif row is None:
            made = replace(
                present, id=None, public_id="", rrule="", rdate=(), exdate=(), status=Status.BOOKED
            )
        else:
            made = row
        start, end = _kept_times(facts, made)
        return replace(
            made,
            start=start,
            end=end,
            time_zone=self._kept_zone(facts, made),
            all_day=facts.all_day,
            transparent=facts.transparent,
            status=_status(facts, made),
            rrule=self._kept_rule(facts, made),
            rdate=made.rdate if set(made.rdate) == set(facts.rdate) else facts.rdate,
            exdate=facts.exdate if facts.recurrence_id is None else (),
            recurrence_id=facts.recurrence_id if facts.recurrence_id is not None else made.recurrence_id,
        )

    def _kept_zone(self, facts: Facts, made: Appointment) -> str:
        """The stored name of the zone if it was shown as this one (another case, or one that is unknown)."""
        if facts.all_day and made.all_day:
            return made.time_zone
        shown = zones.canonical(made.time_zone) or zones.canonical(self._projection.time_zone)
        return made.time_zone if shown == facts.zone else facts.zone

    def _full_texts(self, wanted: Appointment) -> dict[str, str] | None:
        """What full shows of the row, to keep its lines when somebody else writes; None for full itself."""
        if self._projection.view is View.FULL:
            return None
        full = views.shown(wanted, replace(self._projection, view=View.FULL), None)
        return {"SUMMARY": full.title, "LOCATION": full.location, "DESCRIPTION": full.description}

    @staticmethod
    def _kept_rule(facts: Facts, made: Appointment) -> str:
        """The stored rule if it says the same, or could not be read and so was not shown."""
        unseen = not facts.rrule and not is_valid(made)
        return made.rrule if unseen or made.rrule.strip() == facts.rrule else facts.rrule

    def _phone_and_note(self, facts: Facts, present: Appointment | None) -> tuple[str, str]:
        if facts.description is None and present is not None and self._program is Rebuilder.OUTLOOK:
            # A profile that does not map the body says nothing about it.
            return present.phone, present.note
        return read_description(facts.description or "", present, self._projection)

    def _with_pieces(
        self,
        upload: Uploaded,
        wanted: Appointment,
        row: Appointment | None,
        present: Appointment | None,
        subject_by: tuple[int, str] | None,
    ) -> Appointment:
        """The row with the kept lines: those that came, and those the viewer could not write or see."""
        view = self._projection.view
        old = load_skeleton(present.extra) if present is not None else Skeleton()
        old_personal = load_personal(row.personal) if row is not None else ()
        if view is View.BUSY and present is not None:
            skeleton = Skeleton(old.entries, subject_by)
            return replace(
                wanted,
                extra=dump_skeleton(skeleton) if skeleton != old else present.extra,
                personal=row.personal if row is not None else "",
            )
        merged = merged_entries(self._program, upload.entries, old.entries, self._full_texts(wanted))
        personal = merged_personal(
            self._program,
            moved(upload.personal, merged.new_positions),
            least_positions(upload.personal, merged.new_positions),
            moved(old_personal, merged.old_positions),
            wanted.start,
            wanted.time_zone,
            None if view is View.FULL else neutral_reminder(self._projection),
        )
        return replace(
            wanted,
            extra=dump_skeleton(Skeleton(tuple(merged.entries), subject_by)),
            personal=dump_personal(tuple(personal)),
        )


def _kept_times(facts: Facts, made: Appointment) -> tuple[datetime, datetime]:
    """Start and end as uploaded; an all-day row that was shown as the same number of days keeps its own.

    Plain SQL can have stored a day without length or with a clock time, which no DATE can say.
    """
    if not (facts.all_day and made.all_day):
        return facts.start, facts.end
    shown = max(midnight(made.end) - midnight(made.start), timedelta(days=1))
    if facts.end - facts.start != shown:
        return facts.start, facts.end
    start = made.start if midnight(made.start) == facts.start else facts.start
    return start, start + (made.end - made.start)


def _status(facts: Facts, made: Appointment) -> Status:
    """A device sets booked and cancelled only; TENTATIVE and CONFIRMED change no status."""
    if facts.status == "CANCELLED":
        return Status.CANCELLED
    return Status.BOOKED if made.status is Status.CANCELLED else made.status
