"""An appointment dragged from a practitioner's calendar onto a room's, in every way that clients know."""

from __future__ import annotations

import pytest

from tests.protocol.conftest import MakeClient
from tests.protocol.house import ANNA, RITA, House
from tests.protocol.test_private_titles import WAYS, crosses
from tests.protocol.test_two_halves import booked_by_sql, names, path_of, roles, taking_place


@pytest.mark.parametrize("way", WAYS)
def test_the_practitioner_keeps_it_and_both_calendars_list_it(
    either: MakeClient, house: House, way: str
) -> None:
    start, end = "2027-01-05 09:00:00", "2027-01-05 09:30:00"
    key = booked_by_sql(house, start, end, [(house.own(ANNA).id, "owner")])
    client = either(RITA, agent="CalDavSynchronizer/4.5")
    anna, room = house.path(RITA, house.own(ANNA)), path_of(house, RITA, house.room_id)
    (name,) = names(client, anna)
    token = client.token(anna)
    crosses(client, way, anna + name, room + "n.ics")
    assert set(roles(house, key).values()) == {"owner", "resource"}
    assert roles(house, key)["Anna Müller"] == "owner"
    assert names(client, room) == ["n.ics"]
    assert taking_place(house) == [("booked", 1)]
    # the client believes that it has gone from here, and hears at its next sync that it has not
    (again,) = names(client, anna)
    assert list(client.sync(anna, token).responses()) == [anna + again]
    assert "Mustermann" in client.request("GET", anna + again).text
