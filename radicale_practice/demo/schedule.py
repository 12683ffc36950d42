"""The plan of the demonstration practice: who comes when. Pure: same seed and day, same plan.

Times are wall times of the practice. Nobody and no room is booked twice.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from random import Random

from radicale_practice.demo.names import NOTES, TREATMENTS

WEEKS_BACK = 8
WEEKS_AHEAD = 12
PRACTITIONERS = 3
ROOMS = 2
LOCATIONS = 2
PATIENTS = 200

LUNCH = ((12, 0), (12, 30), (13, 0))
"""When each practitioner's hour for lunch begins."""

_OPENS, _CLOSES = time(8), time(17)
_LENGTHS = (30, 30, 30, 45, 45, 60)
_SERIES = ((1, time(9), 10), (3, time(10, 30), 10), (4, time(14, 30), 12))
"""Weekday (Monday is 0), time and number of appointments of each practitioner's weekly series."""

Span = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class Planned:
    """One appointment, series or instance; numbers count practitioners, rooms, patients from 0."""

    practitioner: int
    start: datetime
    end: datetime
    subject: str
    patient: int | None = None
    room: int | None = None
    location: int | None = None
    status: str = "booked"
    note: str = ""
    private: bool = False
    rrule: str = ""
    exdate: tuple[datetime, ...] = ()
    recurrence_id: datetime | None = None
    instances: tuple[Planned, ...] = ()


@dataclass
class _Books:
    """What is taken, by day and practitioner or room; nothing goes over midnight."""

    people: dict[tuple[date, int], list[Span]] = field(default_factory=dict)
    rooms: dict[tuple[date, int], list[Span]] = field(default_factory=dict)
    patients: dict[date, set[int]] = field(default_factory=dict)

    def free(self, number: int, span: Span) -> bool:
        return _is_free(self.people.get((span[0].date(), number), []), span)

    def take(self, number: int, span: Span) -> None:
        self.people.setdefault((span[0].date(), number), []).append(span)

    def take_patient(self, rng: Random, *days: date) -> int:
        """Somebody who is not expected on any of these days yet."""
        while True:
            number = rng.randrange(PATIENTS)
            if all(number not in self.patients.get(day, ()) for day in days):
                for day in days:
                    self.patients.setdefault(day, set()).add(number)
                return number

    def take_room(self, rng: Random, span: Span) -> int | None:
        """A free room or none; most treatments need one."""
        if rng.random() > 0.7:
            return None
        for room in rng.sample(range(ROOMS), ROOMS):
            if _is_free(self.rooms.get((span[0].date(), room), []), span):
                self.rooms.setdefault((span[0].date(), room), []).append(span)
                return room
        return None


def plan(today: date, rng: Random, closed: frozenset[date]) -> list[Planned]:
    """Everything from eight weeks back to twelve weeks ahead. ``closed``: public holidays."""
    first = today - timedelta(days=today.weekday(), weeks=WEEKS_BACK)
    days = [first + timedelta(days=n) for n in range((WEEKS_BACK + WEEKS_AHEAD + 1) * 7)]
    days = [d for d in days if d.weekday() < 5 and d <= today + timedelta(weeks=WEEKS_AHEAD)]
    books = _Books()
    planned: list[Planned] = []
    for number in range(PRACTITIONERS):
        planned.append(_lunch(number, first, days, closed, books))
        planned += _weekly_series(number, first, today, closed, books, rng)
    planned.append(_team_meeting(first, days, closed, books))
    for day in days:
        if day in closed:
            continue
        for number in range(PRACTITIONERS):
            planned += _day(number, day, today, books, rng)
    planned += _private(today, rng)
    return planned


def _lunch(number: int, first: date, days: list[date], closed: frozenset[date], books: _Books) -> Planned:
    at = time(*LUNCH[number])
    for day in days:
        books.take(number, _span(day, at, 60))
    start, end = _span(first, at, 60)
    exdate = tuple(datetime.combine(day, at) for day in days if day in closed)
    rule = "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR"
    return Planned(number, start, end, "Mittagspause", rrule=rule, exdate=exdate)


def _team_meeting(first: date, days: list[date], closed: frozenset[date], books: _Books) -> Planned:
    """A block every second Wednesday before the first patient, of the first practitioner."""
    at, begin = time(8), first + timedelta(days=2)
    meetings = [day for day in days if (day - begin).days % 14 == 0]
    for day in meetings:
        books.take(0, _span(day, at, 45))
    exdate = tuple(datetime.combine(day, at) for day in meetings if day in closed)
    rule = "FREQ=WEEKLY;INTERVAL=2;BYDAY=WE"
    return Planned(0, *_span(begin, at, 45), "Teambesprechung", rrule=rule, exdate=exdate)


def _weekly_series(
    number: int, first: date, today: date, closed: frozenset[date], books: _Books, rng: Random
) -> list[Planned]:
    made = []
    for index, (weekday, at, count) in enumerate(_SERIES):
        begin = first + timedelta(days=weekday, weeks=4 + index)
        dates = [begin + timedelta(weeks=week) for week in range(count)]
        spans = [_span(day, at, 45) for day in dates]
        taken = [span for day, span in zip(dates, spans, strict=True) if day not in closed]
        for span in taken:
            books.take(number, span)
        master = Planned(
            number,
            *spans[0],
            rng.choice(TREATMENTS[:6]),
            patient=books.take_patient(rng, *dates),
            location=_place(begin),
            rrule=f"FREQ=WEEKLY;COUNT={count}",
        )
        instances = [_instance(master, span, "done") for span in taken if span[0].date() < today]
        ahead = [span for span in taken if span[0].date() > today]
        if len(ahead) > 3:
            instances.append(_moved(master, ahead[1], books))
            instances.append(_instance(master, ahead[2], "cancelled"))
        exdate = [span[0] for day, span in zip(dates, spans, strict=True) if day in closed]
        if len(ahead) > 4:
            exdate.append(ahead[3][0])
        made.append(replace(master, exdate=tuple(sorted(exdate)), instances=tuple(instances)))
    return made


def _instance(master: Planned, span: Span, status: str, at: Span | None = None) -> Planned:
    start, end = at or span
    return replace(master, start=start, end=end, status=status, rrule="", recurrence_id=span[0])


def _moved(master: Planned, span: Span, books: _Books) -> Planned:
    """The instance half an hour or more later, where the practitioner is free."""
    for minutes in range(30, 8 * 60, 15):
        at = (span[0] + timedelta(minutes=minutes), span[1] + timedelta(minutes=minutes))
        if at[0] >= span[1] and books.free(master.practitioner, at):
            books.take(master.practitioner, at)
            return _instance(master, span, "confirmed", at)
    return _instance(master, span, "confirmed")


def _day(number: int, day: date, today: date, books: _Books, rng: Random) -> list[Planned]:
    made = []
    density = 0.8 if day < today else 0.7 if day < today + timedelta(weeks=4) else 0.35
    at, closes = datetime.combine(day, _OPENS), datetime.combine(day, _CLOSES)
    while at < closes:
        span = (at, at + timedelta(minutes=rng.choice(_LENGTHS)))
        if span[1] > closes or not books.free(number, span):
            at += timedelta(minutes=15)
            continue
        at = span[1]
        if rng.random() > density:
            continue
        status = _status(day, today, rng)
        books.take(number, span)
        made.append(
            Planned(
                number,
                *span,
                rng.choice(TREATMENTS),
                patient=books.take_patient(rng, day),
                room=None if status == "cancelled" else books.take_room(rng, span),
                location=_place(day),
                status=status,
                note=rng.choice(NOTES),
            )
        )
    return made


def _place(day: date) -> int:
    """The practice is at its second place on Tuesdays and Thursdays."""
    return int(day.weekday() in (1, 3))


def _status(day: date, today: date, rng: Random) -> str:
    chance = rng.random()
    if day >= today:
        return "cancelled" if chance < 0.03 else "confirmed" if chance < 0.3 else "booked"
    if chance < 0.04:
        return "no_show"
    if chance < 0.08:
        return "cancelled"
    return "invoiced" if day < today - timedelta(weeks=2) and chance < 0.95 else "done"


def _private(today: date, rng: Random) -> list[Planned]:
    made = []
    for number in range(PRACTITIONERS):
        subjects = ("Zahnarzt", "Elternabend", "Yoga")
        for subject, ahead in zip(subjects, rng.sample(range(1, 40), len(subjects)), strict=True):
            day = today + timedelta(days=ahead)
            made.append(Planned(number, *_span(day, time(18), 60), subject, private=True))
    return made


def _span(day: date, at: time, minutes: int) -> Span:
    start = datetime.combine(day, at)
    return start, start + timedelta(minutes=minutes)


def _is_free(taken: list[Span], span: Span) -> bool:
    return all(span[1] <= start or end <= span[0] for start, end in taken)
