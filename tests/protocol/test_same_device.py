"""A program that was updated is the same device still: its version says nothing about who is asking."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text

from radicale_practice.practice import clock, lookup
from radicale_practice.practice.model import Actor
from radicale_practice.practice.records import undo
from radicale_practice.practice.records.programs import same_program, short_name
from tests.protocol.conftest import MakeClient
from tests.protocol.house import ANNA, RITA, House, event

VERSIONS = [f"DAVx5/4.5.{n}-ose (2026/10/{n:02d}; dav4jvm; okhttp/5.{n}.0) Android/{n}" for n in range(1, 14)]


def test_the_brake_counts_over_versions(own: MakeClient, house: House) -> None:
    path = house.path(ANNA)
    for number in range(13):
        start = f"202702{number + 1:02d}T090000"
        assert own().put(f"{path}{number}.ics", event(f"{number}@x", start=start)).status == 201
    found = [
        own(agent=agent).request("DELETE", f"{path}{number}.ics").status
        for number, agent in enumerate(VERSIONS)
    ]
    assert found == [204] * 10 + [403] * 3
    with house.database.read() as uow:
        bursts = uow.connection.execute(text("SELECT count FROM attention WHERE kind = 'burst'")).all()
        assert [row.count for row in bursts] == [3]
    with house.database.write() as uow:
        staff_id = house.viewer(ANNA).staff_id
        program = lookup.program(uow, house.practice_id, staff_id, "davx5")
        since = clock.utc_now() - timedelta(minutes=5)
        report = undo.undo(uow, Actor(), house.practice_id, since, staff_id=staff_id, program=program)
        assert len(report.done) == 10
    assert own().request("GET", path + "0.ics").status == 200


@pytest.mark.parametrize("deleted_first", [False, True])
def test_a_move_in_two_halves_is_known_over_versions(
    own: MakeClient, house: House, deleted_first: bool
) -> None:
    old, new = own(RITA, agent=VERSIONS[0]), own(RITA, agent=VERSIONS[1])
    source = house.path(RITA, house.own(ANNA)) + "1.ics"
    target = house.path(RITA, house.own("ben")) + "1.ics"
    sent = event("1@x", "Mustermann Maria")
    assert old.put(source, sent).status == 201
    if deleted_first:
        assert old.request("DELETE", source).status == 204
        assert new.put(target, sent).status == 201
    else:
        assert old.put(target, sent).status == 201
        assert new.request("DELETE", source).status == 204
    with house.database.read() as uow:
        rows = uow.connection.execute(text("SELECT status FROM appointment WHERE subject <> 'x'")).all()
    assert [row.status for row in rows] == ["booked"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("iOS/26.4 (23E214) dataaccessd/1.0", "iOS/26.5.1 (23F77) dataaccessd/1.0"),
        ("macOS/15.4 (24E248) CalendarAgent/1049", "macOS/26.0 (25A354) dataaccessd/1.0"),
        ("CalDavSynchronizer/4.4", "CalDavSynchronizer/4.5.1"),
        ("Foo/1.2 (Linux 6.1) Bar/3", "Foo/2.0-beta1 Bar/4"),
        ("Kalender v3", "Kalender 4.1"),
    ],
)
def test_versions_do_not_tell_programs_apart(one: str, other: str) -> None:
    assert same_program(one) == same_program(other) != ""
    assert same_program(same_program(one)) == same_program(one)
    assert short_name(same_program(one)) == short_name(one)


def test_other_programs_are_others() -> None:
    names = ("Foo/1.2", "Bar/1.2", "DAVx5/4.5", "Evolution/3.56.1", "vdirsyncer/0.20", "python-caldav/2", "")
    assert len({same_program(name) for name in names}) == len(names)
