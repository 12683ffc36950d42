"""New events that arrive cancelled: nothing takes place, and the device hears that its entry is not there."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from sqlalchemy import text

from radicale_practice.practice.model import CalendarKind
from tests.protocol.conftest import MakeClient
from tests.protocol.house import ANNA, RITA, Answer, House, event

CANCELLED = "STATUS:CANCELLED\r\n"
INSTANCE = "RECURRENCE-ID:20270112T090000Z\r\n"


def removed(answer: Answer) -> list[str]:
    """The names a sync lists as removed; there is nothing else in it."""
    found = []
    for response in answer.document.findall("{DAV:}response"):
        assert "404" in (response.findtext("{DAV:}status") or ""), answer.text
        found.append(unquote(urlsplit(response.findtext("{DAV:}href") or "").path).rsplit("/", 1)[1])
    return sorted(found)


def status_of(house: House) -> list[str]:
    """The appointments' status."""
    with house.database.read() as uow:
        return sorted(uow.connection.execute(text("SELECT status FROM appointment")).scalars())


@pytest.mark.parametrize("kind", [CalendarKind.PRACTITIONER, CalendarKind.PRIVATE])
@pytest.mark.parametrize(
    "upload",
    [
        event("1@x", "4711: Massage", more=CANCELLED),
        event("1@x", "4711: Kurs", more=CANCELLED + "RRULE:FREQ=WEEKLY;COUNT=3\r\n"),
        event("1@x", "4711: Kurs", "20270112T090000", more=CANCELLED + INSTANCE),
    ],
    ids=["single", "series", "instance"],
)
def test_a_device_hears_that_a_cancelled_upload_is_not_there(
    either: MakeClient, house: House, kind: CalendarKind, upload: str
) -> None:
    client, path = either(), house.path(ANNA, house.own(ANNA, kind))
    token = client.token(path)
    assert client.put(path + "1.ics", upload).status == 201
    assert set(status_of(house)) == {"cancelled"}
    for _ in range(2):  # it may send it again
        assert removed(client.sync(path, token)) == ["1.ics"]
        token = client.token(path)
        assert removed(client.sync(path, token)) == []
        assert client.put(path + "1.ics", upload).status == 201
    token = client.token(path)
    assert client.put(path + "1.ics", event("1@x", "4711: Massage")).status == 201
    assert list(client.sync(path, token).responses()) == [path + "1.ics"]
    assert client.request("GET", path + "1.ics").status == 200


def test_a_cancelled_upload_does_not_bring_back_what_was_deleted(own: MakeClient, house: House) -> None:
    client = own(RITA, agent="DAVx5/4.5")
    old, new = (house.path(RITA, house.own(name)) for name in (ANNA, "ben"))
    assert client.put(old + "1.ics", event("1@x", "4711: Massage")).status == 201
    seen: Any = client.request("GET", old + "1.ics").text
    assert client.request("DELETE", old + "1.ics").status == 204
    token = client.token(new)
    upload = seen.replace("END:VEVENT", CANCELLED + "END:VEVENT")
    assert client.put(new + "1.ics", upload).status == 201
    assert set(status_of(house)) == {"cancelled"}
    assert removed(client.sync(new, token)) == ["1.ics"]
