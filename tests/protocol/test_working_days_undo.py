"""Days that go wrong: what a phone takes away is given back, more than once."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import text

from radicale_practice.practice.model import Actor
from radicale_practice.practice.records import undo
from tests.protocol.conftest import MakeClient
from tests.protocol.house import BEN, RITA, House, event


def _there(house: House) -> int:
    with house.database.read() as uow:
        query = text("SELECT count(*) FROM appointment WHERE status <> 'cancelled'")
        return int(uow.connection.execute(query).scalar_one())


def test_what_was_given_back_and_deleted_again_is_given_back_again(own: MakeClient, house: House) -> None:
    """A phone that repeats its deletions after they were undone: the first undoing hinders no second one."""
    rita, ben = own(RITA), own(BEN, agent="DAVx5/4.5")
    names = [f"{number}.ics" for number in range(3)]
    for number, name in enumerate(names):
        path = house.path(RITA, house.own(BEN)) + name
        assert rita.put(path, event(f"{number}@x", "Team", f"2027010{number + 4}T090000")).status == 201
    since, who = datetime(2020, 1, 1), house.viewer(BEN).staff_id
    for _ in range(3):
        for name in names:
            assert ben.request("DELETE", house.path(BEN) + name).status == 204
        assert _there(house) == 0
        with house.database.write() as uow:
            report = undo.undo(uow, Actor(program="test"), house.practice_id, since, staff_id=who)
        assert (len(report.done), report.skipped) == (3, [])
        assert _there(house) == 3
