"""Generated appointments: everything a practice, a device or plain SQL can have stored."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from hypothesis import strategies as st

from radicale_practice.practice.model import Appointment, CalendarObject, Projection, Status, View
from tests.unit.event.people import FULL, HUBER, MEIER, MITTE, NOVAK

ZONES = ("Europe/Vienna", "Europe/London", "America/New_York", "UTC", "Asia/Kolkata", "Australia/Lord_Howe")

texts = st.one_of(
    st.sampled_from(
        [
            "",
            "Physio",
            "Knie, links; Übung \\ zwei",
            "Zeile eins\nZeile zwei",
            "4712",
            "Huber Maria",
            "Tel. 5",
            " – ",
            "a: b – c, d",
            "Termin",
            "⚠ nicht gebucht: x – y",
            "x" * 120,
            "\x0b\r\n\x00",
        ]
    ),
    st.text(st.characters(exclude_categories=("Cs",)), max_size=30),
)
starts = st.one_of(
    st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1)).map(lambda d: d.replace(microsecond=0)),
    st.sampled_from(
        [datetime(2026, 3, 29, 2, 30), datetime(2026, 10, 25, 2, 30), datetime(2026, 10, 25, 2, 59, 59)]
    ),
)
lengths = st.sampled_from([timedelta(), timedelta(minutes=30), timedelta(hours=26), timedelta(seconds=1)])
served = [s for s in Status if s is not Status.CANCELLED]


@st.composite
def singles(draw: st.DrawFn) -> Appointment:
    """One appointment or block."""
    start, all_day = draw(starts), draw(st.booleans())
    if all_day:
        start = start.replace(hour=0, minute=0, second=0)
        end = start + timedelta(days=draw(st.integers(0, 3)))
    else:
        end = start + draw(lengths)
    status = draw(st.sampled_from(served))
    return Appointment(
        start=start,
        end=end,
        time_zone=draw(st.sampled_from((*ZONES, "europe/vienna", "Mars/Base"))),
        all_day=all_day,
        subject=draw(texts),
        patient=draw(st.sampled_from([None, HUBER, MEIER, NOVAK, replace(HUBER, first_name="", phone="")])),
        location=draw(st.sampled_from([None, MITTE])),
        location_text=draw(texts),
        room=draw(st.sampled_from(["", "Raum 1"])),
        status=status,
        note=draw(texts),
        phone=draw(st.sampled_from(["", "0664 1234567", "+43 1 2345\r\n6"])),
        transparent=draw(st.booleans()),
        unconfirmed_reason="slot-taken" if status is Status.UNCONFIRMED else "",
        author_staff_id=draw(st.sampled_from([None, 10, 11])),
        id=1,
        public_id=draw(st.sampled_from(["", "00ff00ff"])),
    )


RULES = (
    "FREQ=DAILY;COUNT=5",
    "FREQ=WEEKLY",
    "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,TU",
    "FREQ=MONTHLY;BYSETPOS=-1;BYDAY=MO,FR;UNTIL=20301231T000000Z",
    "FREQ=NEVER",
)


@st.composite
def objects(draw: st.DrawFn) -> CalendarObject:
    """A single appointment, or a series with overridden and cancelled instances."""
    master = draw(singles())
    uid = draw(st.sampled_from(["00ff", "a,b;c", "ü-1"]))
    if not draw(st.booleans()):
        return CalendarObject(uid, (master,))
    days = [master.start + timedelta(days=n) for n in range(1, 8)]
    master = replace(
        master,
        rrule=draw(st.sampled_from(RULES)),
        rdate=tuple(draw(st.lists(st.sampled_from(days), max_size=2, unique=True))),
        exdate=tuple(draw(st.lists(st.sampled_from(days[:3]), max_size=2, unique=True))),
    )
    overrides = []
    for number, day in enumerate(draw(st.lists(st.sampled_from(days[3:6]), max_size=2, unique=True))):
        other = draw(singles())
        cancelled = draw(st.booleans())
        overrides.append(
            replace(
                other,
                id=10 + number,
                recurrence_id=day,
                status=Status.CANCELLED if cancelled else other.status,
            )
        )
    overrides.sort(key=lambda a: a.recurrence_id or datetime.min)
    elsewhere = frozenset(days[6:7]) if draw(st.booleans()) else frozenset()
    return CalendarObject(uid, (master, *overrides), elsewhere)


@st.composite
def projections(draw: st.DrawFn) -> Projection:
    """Any viewer's projection in one practice."""
    return replace(
        FULL,
        view=draw(st.sampled_from(list(View))),
        staff_id=draw(st.sampled_from([10, 11])),
        language=draw(st.sampled_from(["de", "en", "fr"])),
        title_with_patient=draw(
            st.sampled_from(
                ["{patient} – {subject}", "{subject} / {patient}", "P. {patient}: {subject}", "none"]
            )
        ),
        appointment_link=draw(st.sampled_from(["", "https://p.example/a/{id}", "https://p.example/"])),
        show_note=draw(st.booleans()),
        subjects=draw(st.sampled_from([frozenset(), frozenset({"Physio", "Termin"})])),
    )
