"""What housekeeping finds for the attention list, and what resolving a row does, on both engines."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from radicale_practice.practice import book
from radicale_practice.practice.errors import InvalidValue
from radicale_practice.practice.model import Actor, Finding, FindingKind, Status
from radicale_practice.practice.notices import attention, attention_rows
from radicale_practice.practice.schema import practice_tables as t
from radicale_practice.practice.upkeep import check, maintain
from tests.database.acts import document, fill, master_id, put, resolve
from tests.database.book_world import HOUR, MONDAY, WEEK, World, with_master, with_override
from tests.database.statements import counted

DAY = timedelta(days=1)
NOW = datetime(2026, 11, 10, 8)

pytestmark = pytest.mark.usefixtures("now")


def sql(world: World, statement: str, **values: Any) -> None:
    """A practice program's own statement, outside any unit of ours."""
    with world.database.engine.begin() as connection:
        connection.execute(text(statement), values)


def foreign(world: World, start: datetime, end: datetime | None = None, **columns: Any) -> int:
    """An appointment inserted by plain SQL; its id."""
    values = {
        "practice_id": world.practice_id,
        "starts_at": f"{start:%Y-%m-%d %H:%M:%S}",
        "ends_at": f"{end or start + HOUR:%Y-%m-%d %H:%M:%S}",
        "time_zone": "Europe/Vienna",
        **columns,
    }
    names = ", ".join(values)
    literal = ", ".join(str(v) if isinstance(v, int) else f"'{v}'" for v in values.values())
    with world.database.engine.begin() as connection:
        made = connection.execute(
            text(f"INSERT INTO appointment ({names}) VALUES ({literal}) RETURNING id")
        ).scalar_one()
        connection.execute(
            text(
                "INSERT INTO appointment_calendar (appointment_id, calendar_id, role)"
                " VALUES (:a, :c, 'owner')"
            ),
            {"a": made, "c": world.anna_calendar},
        )
    return int(made)


def absence(world: World, start: datetime, **values: Any) -> str:
    """An all-day block of Anna's, as many clients send it: marked as free time."""
    day = start.replace(hour=0)
    entry = world.event(
        "absent", day, end=day + DAY, all_day=True, subject="Krank", transparent=True, **values
    )
    assert put(world, entry, "absent.ics").kind == "done"
    return "absent.ics"


# unreadable rows


def test_rows_that_cannot_be_read_are_on_the_list_until_they_can(world: World) -> None:
    rule = foreign(world, MONDAY, rrule="FREQ=NONSENSE")
    zone = foreign(world, MONDAY, time_zone="Mars/Olympus")
    foreign(world, MONDAY, time_zone="Mars/Olympus", status="cancelled")
    foreign(world, MONDAY + 2 * HOUR)
    for _ in range(2):
        maintain.maintain(world.database, NOW)
        rows = world.attention("unreadable")
        assert {(r["appointment_id"], r["reason"]) for r in rows} == {(rule, "rule"), (zone, "zone")}
        assert {r["calendar_id"] for r in rows} == {world.anna_calendar}
    resolve(world, next(r["id"] for r in rows if r["reason"] == "zone"), "accept")
    maintain.maintain(world.database, NOW)
    assert [r["reason"] for r in world.attention("unreadable")] == ["rule"]
    sql(world, "UPDATE appointment SET rrule = 'FREQ=WEEKLY;COUNT=3'")
    maintain.maintain(world.database, NOW)
    assert world.attention("unreadable") == []


def test_an_instance_that_cannot_be_read_names_its_series(world: World) -> None:
    put(world, world.weekly())
    series = master_id(world)
    foreign(
        world,
        MONDAY + 7 * DAY,
        series_id=series,
        recurrence_id=f"{MONDAY + 7 * DAY:%Y-%m-%d %H:%M:%S}",
        time_zone="Mars/Olympus",
    )
    with world.write() as uow:
        check.repair(uow)
    (row,) = world.attention("unreadable")
    assert (row["appointment_id"], row["reason"]) == (series, "zone")


# bookings by plain SQL


def test_what_plain_sql_books_twice_or_under_an_absence_is_found(world: World) -> None:
    absence(world, MONDAY + DAY)
    fill(world, 1)
    twice = foreign(world, MONDAY + HOUR / 2, patient_id=world.josef.id)
    under = foreign(world, MONDAY + DAY, patient_id=world.josef.id)
    foreign(world, MONDAY + 3 * HOUR, patient_id=world.josef.id)
    weekly = foreign(
        world, MONDAY - 7 * DAY + 3 * HOUR, patient_id=world.maria.id, rrule="FREQ=WEEKLY;COUNT=8"
    )
    for _ in range(2):
        maintain.maintain(world.database, NOW)
        found = {(r["kind"], r["appointment_id"]) for r in world.attention()}
        assert found == {("double-booking", twice), ("absence", under), ("double-booking", weekly)}
    # the triggers' clock is the server's own
    sql(world, "UPDATE journal SET at = '2026-11-10 07:59:00' WHERE action = 'foreign'")
    for row in world.attention():
        resolve(world, row["id"], "accept")
    maintain.maintain(world.database, NOW)
    assert world.attention() == []


def test_an_absence_by_plain_sql_names_who_is_booked_under_it(world: World) -> None:
    fill(world, 2)
    day = MONDAY.replace(hour=0)
    gone = foreign(world, day, day + DAY, all_day="1", subject="Krank")
    maintain.maintain(world.database, NOW)
    (row,) = world.attention()
    assert (row["kind"], row["appointment_id"]) == ("absence", gone)


def test_many_changes_by_plain_sql_take_no_more_statements(world: World) -> None:
    for index in range(20):
        foreign(world, MONDAY + index * HOUR, patient_id=world.josef.id)
    with counted(world.database) as few:
        maintain.maintain(world.database, NOW)
    for index in range(60):
        foreign(world, MONDAY + 7 * DAY + index * HOUR, patient_id=world.josef.id)
    with counted(world.database) as many:
        maintain.maintain(world.database, NOW)
    assert world.attention() == []
    assert len(many) <= len(few) + 2


@pytest.mark.parametrize("kind", ["double-booking", "absence"])
@pytest.mark.parametrize("how", ["moved by its device", "the other moved", "the other deleted", "nothing"])
def test_what_clashes_no_more_leaves_the_list(world: World, kind: str, how: str) -> None:
    if kind == "absence":
        other = absence(world, MONDAY)
    else:
        other = "1.ics"
        assert put(world, world.event("1", MONDAY, patient=world.maria), other).kind == "done"
    assert put(world, world.event("2", MONDAY, patient=world.josef), "2.ics").kind == "done"
    assert put(world, world.event("4", MONDAY + DAY, patient=world.maria), "4.ics").kind == "done"
    weekly = world.event("3", MONDAY - 6 * DAY, patient=world.josef, rrule="FREQ=WEEKLY;COUNT=3")
    assert put(world, weekly, "3.ics").kind == "done"
    concerned, still = master_id(world, "2.ics"), ("double-booking", master_id(world, "3.ics"))
    listed = {(r["kind"], r["appointment_id"]) for r in world.attention()}
    assert listed == {(kind, concerned), still}
    if how == "moved by its device":
        away = MONDAY + 2 * DAY
        moved = with_master(world.stored("2.ics").object, start=away, end=away + HOUR)
        assert put(world, moved, "2.ics").kind == "done"
    elif how == "the other moved":
        friday = MONDAY.replace(hour=0) + 4 * DAY
        sql(
            world,
            "UPDATE appointment SET starts_at = :start, ends_at = :end WHERE id = :id",
            start=f"{friday:%Y-%m-%d %H:%M:%S}",
            end=f"{friday + DAY:%Y-%m-%d %H:%M:%S}",
            id=master_id(world, other),
        )
    elif how == "the other deleted":
        sql(world, "DELETE FROM appointment WHERE id = :id", id=master_id(world, other))
    for _ in range(2):
        maintain.maintain(world.database, NOW)
        left = {(r["kind"], r["appointment_id"]) for r in world.attention()}
        assert left == (listed if how == "nothing" else {still})


def test_two_that_clash_with_each_other_both_stay_on_the_list(world: World) -> None:
    """Each is there because of somebody else who has moved away since."""
    times = {"1.ics": MONDAY, "2.ics": MONDAY + HOUR / 2, "3.ics": MONDAY + HOUR}
    for name in ("1.ics", "3.ics", "2.ics"):
        entry = world.event(name, times[name], patient=world.josef)
        assert put(world, entry, name).kind == "done"
    assert [r["appointment_id"] for r in world.attention()] == [master_id(world, "2.ics")]
    away = with_master(world.stored("1.ics").object, start=MONDAY + DAY, end=MONDAY + DAY + HOUR)
    assert put(world, away, "1.ics").kind == "done"
    maintain.maintain(world.database, NOW)
    assert [r["appointment_id"] for r in world.attention()] == [master_id(world, "2.ics")]


# absences that are marked as free time


@pytest.mark.parametrize("policy", ["allow", "forbid"])
def test_a_transparent_absence_is_on_the_list_and_blocks_nothing(world: World, policy: str) -> None:
    fill(world, 1)
    world.set(double_booking=policy)
    absence(world, MONDAY)
    (row,) = world.attention()
    assert (row["kind"], row["reason"]) == ("absence", "absence")
    later = MONDAY + 4 * HOUR
    assert put(world, world.event("n", later, patient=world.josef), "n.ics").kind == "done"
    assert [r["kind"] for r in world.attention()] == ["absence", "absence"]


def test_our_own_entry_is_no_absence(world: World) -> None:
    today = datetime(2026, 11, 10, 14)
    put(world, world.event("d", today, patient=world.maria), "d.ics")
    document(world, master_id(world, "d.ics"))
    put(world, with_master(world.stored("d.ics").object, subject="x"), "d.ics")
    assert [r["kind"] for r in world.attention()] == ["refused"]
    put(world, world.event("n", today + 2 * HOUR, patient=world.maria), "n.ics")
    foreign(world, today + 4 * HOUR, patient_id=world.maria.id)
    maintain.maintain(world.database, NOW)
    assert [r["kind"] for r in world.attention()] == ["refused"]


# resolutions


def test_undo_of_an_unlinked_title_gives_the_former_patient_back(world: World) -> None:
    fill(world, 1)
    (href,) = world.hrefs()
    finding = Finding(FindingKind.UNLINKED, former_patient_id=world.maria.id)
    put(world, with_master(world.stored(href).object, patient=None, subject="x"), href, findings=[finding])
    (row,) = world.attention("unlinked")
    assert resolve(world, row["id"], "undo").done == 1
    assert world.stored(href).object.appointments[0].patient == world.maria
    assert world.attention() == []


def test_undo_of_a_title_gives_back_what_went_with_the_patient(world: World) -> None:
    texts = {"subject": "Massage", "note": "knee", "phone": "0664"}
    gone = {"patient": None, "subject": "x", "note": "", "phone": ""}
    finding = Finding(FindingKind.UNLINKED, None, world.maria.id)
    put(world, world.event("u", patient=world.maria, **texts))
    put(world, with_master(world.stored("a.ics").object, **gone), findings=[finding])
    with world.write() as uow:
        uow.connection.execute(text("UPDATE appointment SET note = 'by the reception'"))
    (row,) = world.attention("unlinked")
    resolve(world, row["id"], "undo")
    (row,) = world.rows(t.appointment)
    assert row["patient_id"] == world.maria.id
    assert [row[name] for name in texts] == ["Massage", "by the reception", "0664"]


def test_undo_of_an_instances_title_gives_its_subject_back(world: World) -> None:
    put(world, world.weekly(patient=world.maria, subject="Massage"))
    date = MONDAY + WEEK
    finding = Finding(FindingKind.UNLINKED, date, world.maria.id)
    uploaded = with_override(world.stored("a.ics").object, date, patient=None, subject="x")
    put(world, uploaded, findings=[finding])
    (row,) = world.attention("unlinked")
    resolve(world, row["id"], "undo")
    assert {row["subject"] for row in world.rows(t.appointment)} == {"Massage"}


def retitled(world: World, *weeks: int) -> dict[str, Any]:
    """A weekly series of Maria's, instances of it retitled on a phone, one upload each: the list's row."""
    put(world, world.weekly(patient=world.maria))
    for week in weeks:
        date = MONDAY + week * WEEK
        finding = Finding(FindingKind.UNLINKED, date, world.maria.id)
        uploaded = with_override(world.stored("a.ics").object, date, patient=None, subject="x")
        put(world, uploaded, findings=[finding])
    (row,) = world.attention("unlinked")
    return row


def patients_of(world: World, weeks: int = 4) -> list[str | None]:
    """Last names week by week; "-" where it is cancelled."""
    key = master_id(world)
    with world.database.read() as uow:
        shown = [book.show_instance(uow, key, MONDAY + n * WEEK).appointment for n in range(weeks)]
    names = [s.patient.last_name if s.patient else None for s in shown]
    return ["-" if s.status is Status.CANCELLED else name for s, name in zip(shown, names, strict=True)]


@pytest.mark.parametrize(
    ("weeks", "how", "expected"),
    [
        ((1,), "link", "MJMM"),
        ((1,), "undo", "MMMM"),
        ((1,), "discard", "M-MM"),
        ((1, 2), "link", "MJJM"),
        ((1, 2), "undo", "MMMM"),
        ((2, 1), "discard", "M--M"),
    ],
)
def test_what_an_instances_title_said_is_settled_for_that_instance(
    world: World, weeks: tuple[int, ...], how: str, expected: str
) -> None:
    row = retitled(world, *weeks)
    names = {"M": world.maria.last_name, "J": world.josef.last_name, "-": "-"}
    more = {"patient_id": world.josef.id} if how == "link" else {}
    assert resolve(world, row["id"], how, **more).done == len(weeks)
    assert patients_of(world) == [names[letter] for letter in expected]
    assert world.attention() == []


def test_instances_of_two_patients_are_given_back_to_each(world: World) -> None:
    theirs = with_override(world.weekly(patient=world.maria), MONDAY + WEEK, patient=world.josef)
    put(world, theirs)
    for week, patient in ((1, world.josef), (2, world.maria), (2, None), (1, None)):
        date = MONDAY + week * WEEK
        finding = Finding(FindingKind.UNLINKED, date, patient.id if patient else None)
        uploaded = with_override(
            world.stored("a.ics").object, date, patient=None, subject=f"x {patient is None}"
        )
        put(world, uploaded, findings=[finding])
    rows = world.attention("unlinked")
    assert len(rows) == 2
    for row in rows:
        resolve(world, row["id"], "undo")
    maria, josef = world.maria.last_name, world.josef.last_name
    assert patients_of(world) == [maria, josef, maria, maria]


def test_a_title_of_the_whole_series_is_settled_for_the_whole_series(world: World) -> None:
    put(world, world.weekly(patient=world.maria))
    finding = Finding(FindingKind.UNLINKED, None, world.maria.id)
    uploaded = with_master(world.stored("a.ics").object, patient=None, subject="x")
    put(world, uploaded, findings=[finding])
    (row,) = world.attention("unlinked")
    assert resolve(world, row["id"], "link", patient_id=world.josef.id).done == 1
    assert patients_of(world) == [world.josef.last_name] * 4


@pytest.mark.parametrize(
    ("kind", "how"),
    [
        ("unlinked", "undo"),
        ("unlinked", "carry-out"),
        ("changed-patient", "discard"),
        ("changed-patient", "undo"),
        ("refused", "undo"),
        ("refused", "link"),
        ("refused", "discard"),
        ("double-booking", "undo"),
        ("double-booking", "link"),
        ("absence", "discard"),
        ("unreadable", "discard"),
        ("burst", "link"),
    ],
)
def test_what_would_do_nothing_is_refused_and_the_row_stays(world: World, kind: str, how: str) -> None:
    fill(world, 1)
    (row,) = world.rows(t.appointment)
    with world.write() as uow:
        item = attention_rows.file(
            uow, world.practice_id, kind, kind, appointment_id=None if kind == "burst" else row["id"]
        )
    with pytest.raises(InvalidValue):
        resolve(world, item, how, patient_id=world.josef.id)
    assert [r["id"] for r in world.attention()] == [item]
    assert resolve(world, item, "accept").done == 0
    assert world.attention() == []


class Enough(Exception):
    """It could be done; it need not stay."""


def can(world: World, item: int, how: str) -> bool:
    """Whether a row can be settled so; it stays as it is."""
    with suppress(InvalidValue):
        try:
            with world.write() as uow:
                attention.resolve(uow, Actor(world.rita), item, how, patient_id=world.josef.id)
                raise Enough
        except Enough:
            return True
    return False


def every_kind(world: World) -> None:
    """A row of every kind and of every cause that decides what can be done."""
    fill(world, 1)
    (href,) = world.hrefs()
    shown = world.stored(href).object
    lost = [Finding(FindingKind.UNLINKED, former_patient_id=world.maria.id)]
    put(world, with_master(shown, patient=None, subject="x"), href, findings=lost)
    put(world, world.event("new", MONDAY + 2 * DAY), "new.ics", findings=[Finding(FindingKind.UNLINKED)])
    put(world, world.event("gone", MONDAY + 9 * DAY, patient=world.maria), "gone.ics")
    changed = [Finding(FindingKind.CHANGED_PATIENT, former_patient_id=world.maria.id)]
    put(
        world, with_master(world.stored("gone.ics").object, patient=world.josef), "gone.ics", findings=changed
    )
    world.set(double_booking="forbid")
    assert put(world, world.event("not", patient=world.maria), "not.ics").kind == "unconfirmed"
    put(world, world.event("done", MONDAY + DAY), "done.ics")
    document(world, master_id(world, "done.ics"))
    put(world, with_master(world.stored("done.ics").object, subject="x"), "done.ics")
    key = master_id(world, "new.ics")
    with world.write() as uow:
        for reason in ("window", "slot-taken"):
            attention_rows.file(uow, world.practice_id, "refused", reason, appointment_id=key)
        attention_rows.file(
            uow, world.practice_id, "refused", "window", appointment_id=master_id(world, "not.ics")
        )
        for kind in ("unlinked", "changed-patient", "refused", "double-booking", "absence", "unreadable"):
            attention_rows.file(uow, world.practice_id, kind, "no appointment")
        attention_rows.file(uow, world.practice_id, "burst", "cancellations", details={"first": [1]})
        attention_rows.file(uow, world.practice_id, "of a later version")


def test_what_is_offered_for_a_row_is_what_can_be_done(world: World) -> None:
    every_kind(world)
    with world.database.read() as uow:
        items = attention.open_list(uow, world.practice_id)
        with counted(world.database) as statements:
            offered = attention.fitting(uow, items)
    assert len(statements) == 1
    for item in items:
        possible = [how for how in attention.RESOLUTIONS if can(world, item.id, how)]
        assert list(offered[item.id]) == possible, (item.kind, item.reason)
    said = {(item.kind, item.reason, offered[item.id]) for item in items}
    assert ("refused", "documented", ("accept",)) in said
    assert ("refused", "slot-taken", ("accept", "discard")) in said
    assert ("unlinked", "unlinked", ("accept", "discard", "link")) in said
    assert ("unlinked", "unlinked", ("accept", "discard", "link", "undo")) in said


def test_discarding_a_double_booking_cancels_it(world: World) -> None:
    with world.write() as uow:
        for _ in range(2):
            made = book.add(uow, Actor(), book.NewAppointment(world.anna_calendar, MONDAY, MONDAY + HOUR))
    (row,) = world.attention("double-booking")
    assert resolve(world, row["id"], "discard").done == 1
    assert world.row(made)["status"] == "cancelled"
