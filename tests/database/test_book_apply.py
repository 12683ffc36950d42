"""What a device creates and changes, on both engines."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import update

from radicale_practice.practice import book, clock
from radicale_practice.practice.errors import Conflict, NotPermitted
from radicale_practice.practice.model import Access, CalendarObject, Finding, FindingKind, Status, Window
from radicale_practice.practice.schema import practice_tables as t
from radicale_practice.practice.schema import sync_tables as s
from tests.database.acts import document, master_id, put
from tests.database.book_world import HOUR, MONDAY, WEEK, World, with_master, with_override


def test_a_new_event_is_stored_under_its_clients_identity(world: World) -> None:
    desired = world.event(
        "uid 1", patient=world.maria, subject="Physio", note="n", phone="1", extra="X", personal="P"
    )
    outcome = put(world, replace(desired, extra="CAL"))
    stored = world.stored("a.ics")
    entry = stored.object.appointments[0]
    assert (outcome.kind, outcome.exact) == ("done", True)
    assert (stored.object_id, stored.uid) == (outcome.object_id, "uid 1")
    assert (entry.patient, entry.subject, entry.note, entry.phone) == (world.maria, "Physio", "n", "1")
    assert (entry.start, entry.end, entry.extra, entry.personal) == (MONDAY, MONDAY + HOUR, "X", "P")
    assert stored.object.extra == "CAL"
    (line,) = world.journal()
    assert (line["action"], line["staff_id"], line["patient_id"]) == ("create", world.anna, world.maria.id)
    assert world.row(entry.id)["created_by"] == world.anna


def test_the_same_upload_again_writes_nothing(world: World) -> None:
    put(world, world.weekly())
    before, lines = world.revision(), len(world.journal())
    outcome = put(world, world.stored("a.ics").object)
    assert (outcome.kind, outcome.changed) == ("done", False)
    assert (world.revision(), len(world.journal())) == (before, lines)


def test_only_what_differs_is_changed(world: World) -> None:
    put(world, world.event(subject="a", note="old"))
    shown = world.stored("a.ics").object
    with world.write() as uow:  # meanwhile somebody else writes the place
        uow.connection.execute(update(t.appointment).values(location_text="Hall"))
    with world.write(world.viewer()) as uow:
        stale = replace(world.stored("a.ics"), object=shown)
        book.apply(
            uow,
            world.viewer(),
            world.practice(uow),
            world.anna_calendar,
            stale,
            with_master(shown, subject="b"),
            "a.ics",
        )
    row = world.row(shown.appointments[0].id)
    assert (row["subject"], row["location_text"], row["note"]) == ("b", "Hall", "old")


def test_a_change_of_what_somebody_else_changed_meanwhile_is_refused(world: World) -> None:
    put(world, world.event())
    stored = world.stored("a.ics")
    with world.write() as uow:
        uow.connection.execute(
            update(t.appointment).values(starts_at=MONDAY + 2 * HOUR, ends_at=MONDAY + 3 * HOUR)
        )
    with world.write(world.viewer()) as uow:
        outcome = book.apply(
            uow,
            world.viewer(),
            world.practice(uow),
            world.anna_calendar,
            stored,
            with_master(stored.object, start=MONDAY + HOUR, end=MONDAY + 2 * HOUR),
            "a.ics",
        )
    assert (outcome.kind, outcome.reason) == ("refused", "changed-meanwhile")
    assert world.row(stored.object.appointments[0].id)["starts_at"] == MONDAY + 2 * HOUR


def test_no_write_access_refuses_new_events_outright(world: World) -> None:
    with pytest.raises(NotPermitted):
        put(world, world.event(), calendar_id=world.ben_calendar)
    with pytest.raises(NotPermitted):
        put(world, world.event(), viewer=world.viewer(permission=Access.READ))
    assert world.rows(t.appointment) == []


def test_no_write_access_refuses_changes_and_gives_a_new_revision(world: World) -> None:
    put(world, world.event(), calendar_id=world.ben_calendar, viewer=world.reception())
    stored = world.stored("a.ics", world.ben_calendar, world.reception())
    before = world.revision(world.ben_calendar)
    with world.write(world.viewer()) as uow:
        outcome = book.apply(
            uow,
            world.viewer(),
            world.practice(uow),
            world.ben_calendar,
            stored,
            with_master(stored.object, subject="x"),
            "a.ics",
        )
    assert (outcome.kind, outcome.reason) == ("refused", "read-only")
    assert world.revision(world.ben_calendar) > before
    assert world.stored("a.ics", world.ben_calendar, world.reception()).object == stored.object
    assert [r["reason"] for r in world.attention("refused")] == ["read-only"]


def test_a_taken_uid_is_a_conflict_and_leaves_nothing(world: World) -> None:
    put(world, world.event("u"))
    with pytest.raises(Conflict):
        put(world, world.event("u", MONDAY + 2 * HOUR), "b.ics")
    assert len(world.rows(t.appointment)) == 1


def test_out_of_the_window(world: World) -> None:
    viewer = world.viewer(window=Window(days_back=30, days_ahead=90))
    with pytest.raises(NotPermitted):
        put(world, world.event(start=MONDAY + 200 * WEEK), viewer=viewer)


def test_a_change_that_would_leave_the_window_is_refused_and_comes_back(world: World) -> None:
    """Moved to where the device cannot look, it would be gone from it as if it had been deleted."""
    viewer = world.viewer(window=Window(days_back=30, days_ahead=90))
    near = datetime.combine(clock.utc_now().date() + timedelta(days=7), MONDAY.time())
    put(world, world.event(start=near), viewer=viewer)
    shown, before = world.stored("a.ics"), world.revision()
    far = with_master(shown.object, start=near + 20 * WEEK, end=near + 20 * WEEK + HOUR)
    outcome = put(world, far, viewer=viewer)
    assert (outcome.kind, outcome.reason, outcome.exact) == ("refused", "window", False)
    assert world.stored("a.ics").object == shown.object
    assert world.revision() > before
    assert [r["reason"] for r in world.attention("refused")] == ["window"]
    # Within the window, and by who has none, it is moved as ever.
    assert put(world, far).kind == "done"


def test_personal_extra_touches_that_person_only(world: World) -> None:
    put(world, world.event())
    mine, others = world.revision(), world.revision(staff_id=world.rita)
    put(world, with_master(world.stored("a.ics").object, personal="VALARM"))
    assert world.stored("a.ics").object.appointments[0].personal == "VALARM"
    assert world.revision() > mine
    assert world.revision(staff_id=world.rita) == others
    assert len(world.journal()) == 1


def test_extra_alone_moves_the_revision_for_all(world: World) -> None:
    put(world, world.event())
    before = world.revision(staff_id=world.rita)
    shown = world.stored("a.ics").object
    put(world, replace(with_master(shown, extra="X-FOO:1"), extra="X-CAL:1"))
    stored = world.stored("a.ics").object
    assert (stored.appointments[0].extra, stored.extra) == ("X-FOO:1", "X-CAL:1")
    assert world.revision(staff_id=world.rita) > before


def test_overrides_become_rows_and_follow(world: World) -> None:
    put(world, world.weekly())
    moved = with_override(
        world.stored("a.ics").object, MONDAY + WEEK, start=MONDAY + WEEK + HOUR, end=MONDAY + WEEK + 2 * HOUR
    )
    put(world, moved)
    shown = world.stored("a.ics").object
    (override,) = shown.overrides
    assert (override.recurrence_id, override.start) == (MONDAY + WEEK, MONDAY + WEEK + HOUR)
    put(world, with_override(shown, MONDAY + WEEK, patient=world.josef))
    assert world.stored("a.ics").object.overrides[0].patient == world.josef
    assert world.row(override.id)["series_id"] == shown.appointments[0].id


def test_an_override_that_is_dropped_follows_its_rule_again(world: World) -> None:
    put(world, with_override(world.weekly(), MONDAY + WEEK, subject="x"))
    shown = world.stored("a.ics").object
    put(world, replace(shown, appointments=shown.appointments[:1]))
    assert world.stored("a.ics").object.overrides == ()


def test_an_override_whose_date_went_stays_as_a_cancelled_appointment(world: World) -> None:
    put(world, with_override(world.weekly(), MONDAY + 3 * WEEK, subject="x"))
    shown = world.stored("a.ics").object
    short = with_master(shown, rrule="FREQ=WEEKLY;COUNT=2")
    put(world, replace(short, appointments=short.appointments[:1]))
    row = world.row(shown.overrides[0].id)
    assert (row["status"], row["series_id"], row["cancelled_by"]) == ("cancelled", None, world.anna)
    assert world.stored("a.ics").object.overrides == ()


def test_a_cancelled_instance_keeps_its_row(world: World) -> None:
    put(world, with_override(world.weekly(), MONDAY + WEEK, subject="x"))
    shown = world.stored("a.ics").object
    put(world, with_override(shown, MONDAY + WEEK, status=Status.CANCELLED))
    row = world.row(shown.overrides[0].id)
    assert (row["status"], row["cancelled_by"]) == ("cancelled", world.anna)
    assert world.journal()[-1]["action"] == "cancel-instance"
    # and it comes back when the device brings it back
    put(world, with_override(world.stored("a.ics").object, MONDAY + WEEK, status=Status.BOOKED))
    assert world.row(shown.overrides[0].id)["status"] == "booked"


def test_exdate_for_a_row_cancels_the_row(world: World) -> None:
    put(world, with_override(world.weekly(), MONDAY + WEEK, subject="x"))
    shown = world.stored("a.ics").object
    without = replace(with_master(shown, exdate=(MONDAY + WEEK,)))
    put(world, replace(without, appointments=without.appointments[:1]))
    row = world.row(shown.overrides[0].id)
    assert (row["status"], row["series_id"]) == ("cancelled", shown.appointments[0].id)
    assert world.row(shown.appointments[0].id)["exdate"] == ""


def test_orphan_instances_have_a_hollow_master(world: World) -> None:
    orphan = world.entry(MONDAY + WEEK, recurrence_id=MONDAY + WEEK, subject="x")
    put(world, CalendarObject("o", (orphan,)))
    stored = world.stored("a.ics").object
    assert stored.master is None
    assert [o.subject for o in stored.overrides] == ["x"]
    put(world, with_override(stored, MONDAY + WEEK, subject="y"))
    assert [o.subject for o in world.stored("a.ics").object.overrides] == ["y"]
    # the master comes later
    whole = world.stored("a.ics").object
    put(world, CalendarObject("o", (world.entry(rrule="FREQ=WEEKLY;COUNT=3"), *whole.appointments)))
    again = world.stored("a.ics").object
    assert again.master is not None and again.master.rrule
    assert [o.subject for o in again.overrides] == ["y"]


@pytest.mark.parametrize("status", ["arrived", "done", "invoiced", "no_show"])
def test_a_documented_appointment_does_not_change(world: World, status: str) -> None:
    put(world, world.event(patient=world.maria))
    document(world, master_id(world), status)
    shown, before = world.stored("a.ics"), world.revision()
    outcome = put(world, with_master(shown.object, start=MONDAY + HOUR, end=MONDAY + 2 * HOUR))
    assert (outcome.kind, outcome.reason, outcome.exact) == ("refused", "documented", False)
    assert world.stored("a.ics").object == shown.object
    assert world.revision() > before
    assert world.journal()[-1]["action"] == "refused"


def test_alarms_of_a_documented_appointment_may_change(world: World) -> None:
    put(world, world.event())
    document(world, master_id(world))
    assert put(world, with_master(world.stored("a.ics").object, personal="VALARM")).kind == "done"
    assert world.stored("a.ics").object.appointments[0].personal == "VALARM"


def series_with_documented_instance(world: World) -> int:
    put(world, with_override(world.weekly(), MONDAY + WEEK, subject="seen"))
    override = world.stored("a.ics").object.overrides[0].id
    assert override is not None
    document(world, override)
    return override


def test_documented_instances_are_pinned_when_the_series_is_shifted(world: World) -> None:
    override = series_with_documented_instance(world)
    shown = world.stored("a.ics").object
    later = with_master(shown, start=MONDAY + HOUR, end=MONDAY + 2 * HOUR)
    assert put(world, later).kind == "done"
    row = world.row(override)
    # it keeps its time and takes the place of the shifted instance, so that there are not two
    assert (row["starts_at"], row["status"], row["subject"]) == (MONDAY + WEEK, "done", "seen")
    assert row["recurrence_id"] == MONDAY + WEEK + HOUR
    assert world.row(shown.appointments[0].id)["starts_at"] == MONDAY + HOUR


def test_a_documented_instance_is_not_changed_with_the_rest(world: World) -> None:
    override = series_with_documented_instance(world)
    shown = world.stored("a.ics").object
    outcome = put(world, with_override(shown, MONDAY + WEEK, subject="other"))
    assert (outcome.kind, outcome.reason) == ("refused", "documented")
    both = with_master(with_override(shown, MONDAY + WEEK, subject="other"), note="n")
    outcome = put(world, both)
    assert (outcome.kind, outcome.reason, outcome.exact) == ("done", "documented-instances", False)
    assert world.row(override)["subject"] == "seen"
    assert world.row(shown.appointments[0].id)["note"] == "n"


def test_a_documented_instance_outlives_its_rule(world: World) -> None:
    override = series_with_documented_instance(world)
    shown = world.stored("a.ics").object
    put(world, with_master(replace(shown, appointments=shown.appointments[:1]), rrule="", rdate=()))
    assert world.row(override)["status"] == "done"
    stored = world.stored("a.ics").object
    assert [o.id for o in stored.overrides] == [override]
    assert stored.master is not None and stored.master.rdate == (MONDAY + WEEK,)


def test_exdate_of_a_documented_instance_is_refused(world: World) -> None:
    override = series_with_documented_instance(world)
    shown = world.stored("a.ics").object
    excluded = with_master(shown, exdate=(MONDAY + WEEK,))
    outcome = put(world, replace(excluded, appointments=excluded.appointments[:1]))
    assert outcome.kind == "refused"
    assert world.row(override)["status"] == "done"
    assert world.row(shown.appointments[0].id)["exdate"] == ""


def test_instances_alone_over_a_series_drop_nothing(world: World) -> None:
    put(world, with_override(world.weekly(), MONDAY + WEEK, subject="x"))
    shown = world.stored("a.ics").object
    outcome = put(world, replace(shown, appointments=(replace(shown.overrides[0], subject="y"),)))
    assert (outcome.kind, outcome.exact) == ("done", False)
    stored = world.stored("a.ics").object
    assert stored.master == shown.master
    assert stored.overrides[0].subject == "y"


def test_findings_go_on_the_attention_list_once(world: World) -> None:
    put(world, world.event(), findings=[Finding(FindingKind.UNLINKED)])
    put(
        world,
        with_master(world.stored("a.ics").object, subject="x"),
        findings=[Finding(FindingKind.UNLINKED)],
    )
    (row,) = world.attention()
    assert (row["kind"], row["staff_id"], row["appointment_id"]) == (
        "unlinked",
        world.anna,
        master_id(world),
    )
    former = Finding(FindingKind.CHANGED_PATIENT, None, world.maria.id)
    put(world, with_master(world.stored("a.ics").object, patient=world.josef), findings=[former])
    assert [r["kind"] for r in world.attention()] == ["unlinked", "changed-patient"]


def test_refusals_are_one_row_a_day_with_a_count_and_one_entry(world: World) -> None:
    put(world, world.event())
    document(world, master_id(world))
    for subject in "abc":
        put(world, with_master(world.stored("a.ics").object, subject=subject))
    (row,) = world.attention("refused")
    assert row["count"] == 3
    entries = world.rows(t.appointment, t.appointment.c.external_id.is_not(None))
    assert [(e["subject"], e["all_day"], e["transparent"]) for e in entries] == [
        ("Praxis: 1 Änderung wurde nicht übernommen", True, True)
    ]
    assert len(world.hrefs()) == 2


def test_a_series_with_a_hundred_overrides_takes_a_bounded_number_of_statements(world: World) -> None:
    from tests.database.statements import counted

    def series(number: int) -> CalendarObject:
        start = MONDAY + timedelta(minutes=90 * number)  # so that they do not meet
        found = world.weekly(start=start, end=start + HOUR, rrule=f"FREQ=DAILY;COUNT={number}")
        for day in range(1, number):
            found = with_override(found, start + timedelta(days=day), subject=f"s{day}")
        return found

    numbers = []
    for href, size in (("few.ics", 4), ("many.ics", 100)):
        found = replace(series(size), uid=href)
        with counted(world.database) as first:
            put(world, found, href)
        shown = world.stored(href).object
        changed = replace(
            shown,
            appointments=tuple(
                replace(a, subject="z", note=str(i), extra=str(i)) for i, a in enumerate(shown.appointments)
            ),
        )
        with counted(world.database) as second:
            put(world, changed, href)
        numbers.append((len(first), len(second)))
    few, many = numbers
    assert many == few


def test_the_hrefs_revision_is_readable_before_the_commit(world: World) -> None:
    viewer = world.viewer()
    with world.write(viewer) as uow, uow.operation():
        practice = world.practice(uow)
        book.apply(uow, viewer, practice, world.anna_calendar, None, world.event(), "a.ics")
        (found,) = world.load(uow, "a.ics")
        revision = found.revision
    assert world.stored("a.ics").revision == revision > 0


def test_no_practice_row_is_written_after_the_flush(world: World) -> None:
    from tests.database.statements import written_after_flush

    viewer = world.viewer()
    put(world, world.weekly())
    with written_after_flush(world.database) as late:
        put(world, with_override(world.stored("a.ics").object, MONDAY + WEEK, subject="q"))
        put(world, world.event("u2", MONDAY + 30 * HOUR), "b.ics", findings=[Finding(FindingKind.UNLINKED)])
        put(world, world.event("u3", MONDAY), "c.ics", viewer=viewer)
    assert late == []
    assert {r["kind"] for r in world.rows(s.attention)} == {"unlinked", "double-booking"}
