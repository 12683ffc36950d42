"""Whatever takes appointments out of the practice's reach counts for the burst brake, on both engines."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from radicale_practice.practice import book, clock
from radicale_practice.practice.model import Actor, Finding, FindingKind
from radicale_practice.practice.records import undo
from radicale_practice.practice.rules.refusals import Outcome
from radicale_practice.practice.schema import practice_tables as t
from radicale_practice.practice.sync import watch
from tests.database.acts import delete, fill, put, removed, resolve
from tests.database.book_world import HOUR, MONDAY, WEEK, World, with_master, with_override

NOW = datetime(2026, 11, 10, 8)

pytestmark = pytest.mark.usefixtures("now")


def series(world: World, number: int, rule: str = "FREQ=WEEKLY;COUNT=10", **values: object) -> list[str]:
    """Series entered at the reception; their hrefs."""
    hrefs = [f"s{index}.ics" for index in range(number)]
    for index, href in enumerate(hrefs):
        start = MONDAY + index * HOUR
        entry = world.weekly(f"s{index}", rrule=rule, start=start, end=start + HOUR, **values)
        assert put(world, entry, href, viewer=world.reception()).kind == "done"
    return hrefs


def change(world: World, href: str, **values: object) -> Outcome:
    """Upload the object with its master changed."""
    return put(world, with_master(world.stored(href).object, **values), href)


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=WEEKLY;UNTIL=20261130T080000Z",
        "FREQ=WEEKLY;COUNT=2",
        "FREQ=MONTHLY;COUNT=10;UNTIL=20261220T080000Z",
        "FREQ=WEEKLY;INTERVAL=2;UNTIL=20270118T120000Z",
        "",
    ],
)
@pytest.mark.parametrize("former", ["FREQ=WEEKLY;COUNT=10", "FREQ=WEEKLY"])
def test_a_series_that_is_cut_counts_once(world: World, rule: str, former: str) -> None:
    world.set(brake_cancellations=1, double_booking="allow")
    first, second = series(world, 2, former)
    assert change(world, first, rrule=rule).kind == "done"
    assert world.journal()[-1]["action"] == "cancel-instance"
    # the same series again
    assert change(world, first, rrule="FREQ=WEEKLY;COUNT=1").kind == "done"
    assert change(world, second, rrule=rule).kind == "held"
    assert world.stored(second).object.appointments[0].rrule == former


def test_a_series_that_is_shifted_prolonged_or_was_over_is_not_cut(world: World) -> None:
    world.set(brake_cancellations=0, double_booking="allow")
    first, second = series(world, 2, "FREQ=WEEKLY;COUNT=10;BYDAY=MO")
    tuesday = MONDAY + timedelta(days=1)
    moved = change(world, first, start=tuesday, end=tuesday + HOUR, rrule="FREQ=WEEKLY;COUNT=10;BYDAY=TU")
    assert moved.kind == "done"
    assert change(world, second, rrule="FREQ=WEEKLY;BYDAY=MO").kind == "done"
    past = datetime(2025, 3, 3, 9)
    old = world.weekly("old", start=past, end=past + HOUR, rrule="FREQ=WEEKLY;COUNT=20")
    assert put(world, old, "old.ics").kind == "done"
    assert change(world, "old.ics", rrule="FREQ=WEEKLY;COUNT=10").kind == "done"


def test_taking_the_patient_away_counts_at_the_same_time_of_day(world: World) -> None:
    world.set(brake_cancellations=2, double_booking="allow")
    fill(world, 3)
    first, second, third = world.hrefs()
    assert change(world, first, patient=None, subject="x").kind == "done"
    assert change(world, second, patient=world.josef).kind == "done"
    assert change(world, third, patient=None, subject="x").kind == "held"
    assert [r["action"] for r in world.journal("overwrite")] == ["overwrite"] * 2
    assert world.stored(third).object.appointments[0].patient == world.maria


def test_taking_the_patient_of_an_instance_away_counts(world: World) -> None:
    world.set(brake_cancellations=0)
    (href,) = series(world, 1)
    shown = world.stored(href).object
    assert put(world, with_override(shown, MONDAY + WEEK, patient=None, subject="x"), href).kind == "held"
    assert (
        put(world, with_override(shown, MONDAY + WEEK, patient=world.maria, subject="x"), href).kind == "done"
    )


@pytest.mark.parametrize(
    ("days", "kind"), [(7, "done"), (-7, "done"), (8, "held"), (-8, "held"), (330, "held")]
)
def test_moving_away_further_than_a_setting_counts(world: World, days: int, kind: str) -> None:
    world.set(brake_cancellations=0)
    fill(world, 1)
    (href,) = world.hrefs()
    start = MONDAY + timedelta(days=days)
    assert change(world, href, start=start, end=start + HOUR).kind == kind


def test_the_setting_says_how_far_is_far(world: World) -> None:
    world.set(brake_cancellations=0, brake_days=30)
    fill(world, 1)
    (href,) = world.hrefs()
    start = MONDAY + timedelta(days=30)
    assert change(world, href, start=start, end=start + HOUR).kind == "done"


def test_moving_a_series_or_an_instance_away_counts(world: World) -> None:
    world.set(brake_cancellations=0)
    (href,) = series(world, 1)
    shown = world.stored(href).object
    far = MONDAY + 40 * WEEK
    assert put(world, with_override(shown, MONDAY + WEEK, start=far, end=far + HOUR), href).kind == "held"
    assert change(world, href, start=far, end=far + HOUR).kind == "held"
    near = MONDAY + WEEK + timedelta(days=2)
    assert put(world, with_override(shown, MONDAY + WEEK, start=near, end=near + HOUR), href).kind == "done"


@pytest.mark.parametrize("put_first", [True, False])
def test_a_move_in_two_halves_that_goes_far_counts(world: World, put_first: bool) -> None:
    world.set(brake_cancellations=1)
    viewer = world.reception()
    far = MONDAY + 40 * WEEK
    for index in range(2):
        start = MONDAY + index * HOUR
        put(world, world.event(f"u{index}", start, patient=world.maria), f"{index}.ics")
    kinds = []
    for index in range(2):
        copy = world.event(f"u{index}", far + index * HOUR, patient=world.maria)
        steps = [
            lambda i=index, c=copy: put(world, c, f"n{i}.ics", world.ben_calendar, viewer),
            lambda i=index: delete(world, f"{i}.ics", viewer=viewer),
        ]
        for step in steps if put_first else reversed(steps):
            kinds.append(step().kind)
    assert "held" in kinds
    assert "move-away" in {r["action"] for r in world.journal()}
    assert world.stored("1.ics").object.appointments[0].start == MONDAY + HOUR


def test_private_calendars_stay_free(world: World) -> None:
    world.set(brake_cancellations=0)
    far = MONDAY + 40 * WEEK
    put(world, world.weekly("p"), "p.ics", world.private)
    shown = world.stored("p.ics", world.private).object
    changed = with_master(shown, start=far, end=far + HOUR, rrule="FREQ=WEEKLY;COUNT=2")
    assert put(world, changed, "p.ics", world.private).kind == "done"


# what is carried out


def test_carried_out_creations_go_on_the_attention_list(world: World) -> None:
    world.set(brake_creations=0)
    finding = Finding(FindingKind.UNLINKED)
    held = put(world, world.event(subject="Hubr"), "a.ics", findings=[finding])
    assert held.kind == "held" and world.attention("unlinked") == []
    (burst,) = world.attention("burst")
    assert resolve(world, burst["id"], "carry-out").done == 1
    (row,) = world.attention("unlinked")
    (made,) = list(world.journal("create"))
    assert row["appointment_id"] == made["appointment_id"]
    assert (row["staff_id"], row["calendar_id"]) == (world.anna, world.anna_calendar)


def test_carried_out_changes_name_the_former_patient(world: World) -> None:
    world.set(brake_cancellations=0)
    fill(world, 1)
    (href,) = world.hrefs()
    finding = Finding(FindingKind.UNLINKED, former_patient_id=world.maria.id)
    shown = world.stored(href).object
    put(world, with_master(shown, patient=None, subject="x"), href, findings=[finding])
    (burst,) = world.attention("burst")
    resolve(world, burst["id"], "carry-out")
    (row,) = world.attention("unlinked")
    assert f'"former_patient_id":{world.maria.id}' in row["details"]


def test_what_is_carried_out_was_done_by_the_device(world: World) -> None:
    """The practice program hears of it, and it can be undone with the rest."""
    world.set(brake_cancellations=1, brake_creations=1)
    fill(world, 3)
    viewer = world.viewer()
    for href in world.hrefs():
        delete(world, href, viewer=viewer)
    for index in range(2):
        put(world, world.event(f"n{index}", MONDAY + index * HOUR), f"n{index}.ics", viewer=viewer)
    bursts = world.attention("burst")
    assert len(bursts) == 2
    for burst in bursts:
        resolve(world, burst["id"], "carry-out")
    carried = [r for r in world.journal("cancel", "create") if '"carried_out_by":' in (r["after"] or "")]
    assert len(carried) == 3
    assert {(r["staff_id"], r["program"]) for r in carried} == {(world.anna, viewer.program)}
    assert all(f'"carried_out_by":{world.rita}' in r["after"] for r in carried)
    with world.database.read() as uow:
        changes, _ = watch.changes_since(uow, world.practice_id, 0)
        told = [(c.action, c.program) for c in changes if c.staff_id == world.anna]
        assert sorted(told) == [("cancel", viewer.program)] * 3 + [("create", viewer.program)] * 2
    with world.write() as uow:
        report = undo.undo(uow, Actor(), world.practice_id, staff_id=world.anna, program=viewer.program)
        assert len(report.done) == 5


def test_what_is_carried_out_does_not_wear_the_brake_down(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.set(brake_cancellations=1)
    fill(world, 4)
    first, second, third, fourth = world.hrefs()
    for href in (first, second, third):
        delete(world, href)
    (burst,) = world.attention("burst")
    later = NOW + timedelta(hours=1)
    monkeypatch.setattr(clock, "utc_now", lambda: later)
    assert resolve(world, burst["id"], "carry-out").done == 2
    assert delete(world, fourth).kind == "done"


# somebody in the practice has looked


def cancelled(world: World, number: int) -> list[str]:
    """So many appointments, each deleted by the phone; what became of it."""
    fill(world, number)
    return [delete(world, h).kind for h in world.hrefs() if world.stored(h).object.appointments[0].patient]


@pytest.mark.parametrize("how", ["undo", "discard", "carry-out", "accept"])
def test_a_burst_that_somebody_has_settled_counts_no_more(world: World, how: str) -> None:
    world.set(brake_cancellations=3, attention_entry=False)
    assert cancelled(world, 5) == ["done"] * 3 + ["held"] * 2
    (row,) = world.attention("burst")
    resolve(world, row["id"], how)
    left = world.hrefs()
    fill(world, 4)
    kinds = [delete(world, h).kind for h in world.hrefs() if h not in left]
    # as at the beginning: three, and then somebody is asked again
    assert kinds == ["done"] * 3 + ["held"]
    (row,) = world.attention("burst")
    assert row["count"] == 1


@pytest.mark.parametrize("how", ["undo", "discard", "accept"])
def test_deletions_that_somebody_has_turned_down_are_held_again(
    world: World, how: str, now: list[datetime]
) -> None:
    """Outlook that makes the server like its empty folder deletes at every synchronisation."""
    world.set(brake_cancellations=3, attention_entry=False)
    assert cancelled(world, 8) == ["done"] * 3 + ["held"] * 5
    for _ in range(3):
        (row,) = world.attention("burst")
        resolve(world, row["id"], how)
        left = world.hrefs()
        assert len(left) == (8 if how == "undo" else 5)
        now[0] += timedelta(minutes=30)
        assert [delete(world, h).kind for h in left] == ["held"] * len(left)
        (row,) = world.attention("burst")
        assert row["count"] == len(left)
    # somebody who still means it a week later is asked no more
    resolve(world, row["id"], how)
    now[0] += timedelta(days=8)
    assert [delete(world, h).kind for h in left[:3]] == ["done"] * 3


@pytest.mark.parametrize("how", ["undo", "discard", "accept"])
def test_uploads_that_somebody_has_turned_down_are_not_booked_when_they_are_repeated(
    world: World, how: str, now: list[datetime]
) -> None:
    """No person does so: a client that cannot let go of an entry sends it at every synchronisation."""
    world.set(brake_creations=3, attention_entry=False)
    events = [(world.event(f"u{i}", MONDAY + i * HOUR), f"{i}.ics") for i in range(8)]
    assert [put(world, e, h).kind for e, h in events] == ["done"] * 3 + ["held"] * 5
    (row,) = world.attention("burst")
    resolve(world, row["id"], how)
    lines = len(world.journal())
    for days in (0, 1, 30):
        now[0] += timedelta(days=days, minutes=30)
        since = world.revision()
        assert [put(world, e, h).kind for e, h in events[3:]] == ["held"] * 5
        assert removed(world, world.anna_calendar, since) == {h for _, h in events[3:]}
    assert (world.attention("burst"), len(world.journal())) == ([], lines)
    # what its person has changed since is another entry
    assert put(world, world.event("u4", MONDAY + 9 * HOUR), "4.ics").kind == "done"


def test_what_the_reception_has_undone_or_restored_counts_no_more(world: World) -> None:
    world.set(brake_cancellations=3, attention_entry=False)
    assert cancelled(world, 3) == ["done"] * 3
    keys = [r["id"] for r in world.rows(t.appointment)]
    with world.write() as uow:
        undo.undo(uow, Actor(program="reception"), world.practice_id, staff_id=world.anna)
    back = world.hrefs()
    fill(world, 3)
    assert [delete(world, h).kind for h in world.hrefs() if h not in back] == ["done"] * 3
    with world.write() as uow:
        book.restore(uow, Actor(program="reception"), max(r["id"] for r in world.rows(t.appointment)))
    assert [delete(world, h).kind for h in back] == ["done", "held", "held"]
    assert sum(world.row(key)["status"] == "cancelled" for key in keys) == 1
