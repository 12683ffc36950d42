"""apply(desired), then load: the same, whatever was there before; and the dialects of real clients, through
the lens, come back as they were sent."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from radicale_practice.event.absorb import absorb
from radicale_practice.event.render import render
from radicale_practice.practice import book
from radicale_practice.practice.database import Database
from radicale_practice.practice.model import Access, Appointment, CalendarObject, Status
from radicale_practice.practice.people.directory import PracticeDirectory
from radicale_practice.practice.projections import projection_for
from radicale_practice.practice.series import recurrence
from tests.database.acts import put
from tests.database.book_world import MONDAY, World, build

CORPUS = sorted((Path(__file__).parent.parent / "corpus").glob("*.ics"))

RULES = (
    "",
    "FREQ=WEEKLY;COUNT=6",
    "FREQ=DAILY;UNTIL=20261201T080000Z",
    "FREQ=WEEKLY;INTERVAL=2",
    "FREQ=WEEKLY",
)

words = st.sampled_from(["", "a", "Ü – ö", "line\nline", "🦷"])


def entries(world: World, start: datetime, **fixed) -> st.SearchStrategy[Appointment]:
    """Appointments at ``start``, give or take."""
    return st.builds(
        lambda shift, minutes, **values: Appointment(
            start=start + timedelta(minutes=15 * shift),
            end=start + timedelta(minutes=15 * shift + minutes),
            time_zone="Europe/Vienna",
            **{**values, **fixed},
        ),
        shift=st.integers(-3, 3) if fixed else st.just(0),
        minutes=st.integers(0, 90),
        subject=words,
        note=words,
        phone=st.sampled_from(["", "+43 1 2"]),
        patient=st.sampled_from([None, world.maria, world.josef]),
        transparent=st.booleans(),
        location_text=words,
        extra=st.sampled_from(["", "X-FOO:1", "X-BAR:2"]),
        personal=st.sampled_from(["", "VALARM"]),
    )


@st.composite
def objects(draw: st.DrawFn, world: World) -> CalendarObject:
    """A single event or a series with some dates out, some more, and some instances changed."""
    start = MONDAY + timedelta(days=draw(st.integers(0, 3)), hours=draw(st.integers(0, 2)))
    master = draw(entries(world, start))
    rule = draw(st.sampled_from(RULES))
    if not rule:
        return CalendarObject("u", (master,), extra=draw(st.sampled_from(["", "X-CAL:1"])))
    master = replace(master, rrule=rule)
    dates = [d for _, d in zip(range(6), recurrence.expand(master), strict=False)]
    excluded = draw(st.sets(st.sampled_from(dates), max_size=2))
    more = draw(st.sets(st.sampled_from([start + timedelta(days=100 + i) for i in range(3)]), max_size=2))
    changed = draw(st.sets(st.sampled_from(dates), max_size=3)) - excluded
    overrides = [draw(entries(world, d, recurrence_id=d)) for d in sorted(changed)]
    master = replace(master, exdate=tuple(sorted(excluded)), rdate=tuple(sorted(more)))
    return CalendarObject("u", (master, *overrides))


def plain(entry: Appointment) -> Appointment:
    """Without what the database gives."""
    return replace(
        entry,
        id=None,
        public_id="",
        author_staff_id=None,
        room="",
        rdate=tuple(sorted(entry.rdate)),
        exdate=(),
    )


def seen(shown: CalendarObject) -> tuple[list[Appointment], set[datetime]]:
    """What takes place, and which dates do not."""
    excluded = set(shown.master.exdate) if shown.master else set()
    excluded |= {o.recurrence_id for o in shown.overrides if o.status is Status.CANCELLED}
    return [plain(a) for a in shown.appointments if a.status is not Status.CANCELLED], excluded


@pytest.mark.parametrize("run", ["fixed", "random"])
def test_what_was_uploaded_is_what_is_read(database: Database, run: str) -> None:
    world = build(database)
    # nothing is held back here: the brake has its own tests
    world.set(brake_cancellations=10_000, brake_creations=10_000)
    count = iter(range(1_000_000))

    @settings(
        max_examples=20 if run == "fixed" else 6,
        deadline=None,
        derandomize=run == "fixed",
        database=None,
        suppress_health_check=list(HealthCheck),
        print_blob=True,
    )
    @given(st.lists(objects(world), min_size=1, max_size=4))
    def law(versions: list[CalendarObject]) -> None:
        number = next(count)
        href = f"{number}.ics"
        for version in versions:
            desired = replace(version, uid=f"u{number}")
            outcome = put(world, desired, href)
            assert outcome.kind == "done"
            stored = world.stored(href)
            assert seen(stored.object) == seen(desired)
            assert stored.object.extra == desired.extra
            # and once more the same: nothing
            before = world.revision()
            assert not put(world, stored.object, href).changed
            assert world.revision() == before

    law()


@pytest.fixture
def texts() -> Iterator[dict[str, bytes]]:
    """The corpus, by file name."""
    yield {path.name: path.read_bytes() for path in CORPUS}


def test_the_dialects_of_real_clients_survive_the_book(world: World, texts: dict[str, bytes]) -> None:
    """What the lens says a read will return is what a read returns; uploading it again changes nothing."""
    viewer = world.viewer()
    for name, data in texts.items():
        for _ in range(2):
            with world.write(viewer) as uow, uow.operation():
                practice = world.practice(uow)
                projection = projection_for(viewer, practice, Access.WRITE)
                found = world.load(uow, name)
                current = found[0].object if found else None
                absorbed = absorb(data, current, projection, PracticeDirectory(uow, practice.id))
                outcome = book.apply(
                    uow,
                    viewer,
                    practice,
                    world.anna_calendar,
                    found[0] if found else None,
                    absorbed.object,
                    name,
                    absorbed.findings,
                )
                assert outcome.kind == "done", name
            served = render(world.stored(name).object, projection)
            if absorbed.exact and outcome.exact:
                assert served.encode() == data, name
            if current is None:
                data = served.encode()
            else:
                assert not outcome.changed, name
