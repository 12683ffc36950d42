"""What a client hears of uploads that are not stored, so that its calendar goes on (``clients.md`` 1.3)."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text

from radicale_practice.practice.model import Actor
from radicale_practice.practice.notices import attention
from tests.protocol.conftest import MakeClient
from tests.protocol.house import ANNA, House, event
from tests.protocol.test_two_halves import setting

DAVX5 = "DAVx5/4.5.3-ose (at.bitfire.davdroid) Android/14"
CONDITION = "{urn:ietf:params:xml:ns:caldav}valid-calendar-object-resource"
LONG = "X-LONG:" + "x" * 2_100_000 + "\r\n"


def _rows(house: House, statement: str) -> list[Any]:
    with house.database.read() as uow:
        return list(uow.connection.execute(text(statement)).scalars())


@pytest.mark.parametrize("how", ["discard", "carry-out"])
def test_davx5_lets_go_of_a_new_event_that_is_held(own: MakeClient, house: House, how: str) -> None:
    """It removes nothing by a list that it could not upload, and would send it at every synchronisation."""
    setting(house, brake_creations=2, attention_entry=False)
    phone, path = own(agent=DAVX5), house.path(ANNA)
    token = phone.token(path)
    for number in range(4):
        hour = f"20270105T{10 + number}0000"
        answer = phone.put(path + f"{number}.ics", event(f"{number}@x", "Huber", hour), if_none_match="*")
        assert (answer.status, answer.etag is None) == (201, number >= 2)
    listed = phone.sync(path, token).responses()
    gone = {href[-5:] for href, found in listed.items() if "404" in (found.findtext("{DAV:}status") or "")}
    assert gone == {"2.ics", "3.ics"}
    assert _rows(house, "SELECT count(*) FROM appointment WHERE status <> 'cancelled'") == [2]
    (item,) = _rows(house, "SELECT id FROM attention WHERE kind = 'burst'")
    token = phone.token(path)
    with house.database.write(Actor(program="reception")) as uow:
        attention.resolve(uow, Actor(program="reception"), item, how)
    assert len(phone.sync(path, token).responses()) == (2 if how == "carry-out" else 0)


@pytest.mark.parametrize("what", ["a rule without an instance", "too large", "beyond the largest request"])
def test_davx5_goes_on_beside_what_cannot_be_stored(own: MakeClient, house: House, what: str) -> None:
    """Any other refusal stops its whole calendar, in both directions."""
    rule = "RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30\r\n" if what.startswith("a rule") else ""
    upload = event("1@x", "Huber", more=rule or LONG * (5 if what.startswith("beyond") else 1))
    path = house.path(ANNA) + "1.ics"
    others, phone = own(agent="iOS/26.5").put(path, upload), own(agent=DAVX5).put(path, upload)
    assert (others.status, phone.status) == (403 if rule else 413, 403)
    conditions = {child.tag for child in phone.document}
    assert conditions == {child.tag for child in others.document} | {"{DAV:}need-privileges"}


def test_a_folder_that_outlook_uploads_is_taken_over_as_far_as_the_brake_lets_it(
    own: MakeClient, house: House
) -> None:
    setting(house, brake_creations=10, attention_entry=False)
    outlook, path = own(agent="CalDavSynchronizer/4.5"), house.path(ANNA)
    names = [f"{path}{number}.ics" for number in range(30)]
    for _ in range(2):  # what was refused is sent again at the next synchronisation
        there = outlook.sync(path).responses()
        for number, name in enumerate(names):
            if name in there:
                continue
            upload = event(f"{number}@x", f"Kurs {number}", f"202701{number + 1:02d}T100000")
            status = outlook.put(name, upload, if_none_match="*").status
            assert status == (201 if number < 10 else 403), number
    assert set(outlook.sync(path).responses()) == set(names[:10])
    assert _rows(house, "SELECT count(*) FROM appointment") == [10]
    assert _rows(house, "SELECT count FROM attention WHERE kind = 'burst'") == [20]
