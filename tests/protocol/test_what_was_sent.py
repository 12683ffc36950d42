"""Whether a client may believe that the server has what it sent (``clients.md`` 1.4), in both servers."""

from __future__ import annotations

import pytest

from tests.protocol.conftest import MakeClient
from tests.protocol.house import ANNA, Client, House, event

PLAIN = event("1@x", "Team")
CHANGED_ON_THE_WAY = {
    "a recognised title": PLAIN.replace("SUMMARY:Team", "SUMMARY:4711 – Massage"),
    "a floating time": PLAIN.replace("090000Z", "090000").replace("093000Z", "093000"),
    "a Windows zone": PLAIN.replace("DTSTART:", "DTSTART;TZID=W. Europe Standard Time:")
    .replace("DTEND:", "DTEND;TZID=W. Europe Standard Time:")
    .replace("090000Z", "090000")
    .replace("093000Z", "093000"),
    "a phone number": PLAIN.replace("SUMMARY:Team", "SUMMARY:Frau Berger 0664 1234567"),
}


@pytest.fixture(params=["new", "changed"])
def client(request: pytest.FixtureRequest, either: MakeClient, house: House) -> Client:
    """A client that uploads a new event, or changes one."""
    made = either()
    if request.param == "changed":
        text = event("1@x", "Vorher", "20270107T110000")
        assert made.put(house.path(ANNA) + "1.ics", text).status == 201
    return made


def test_what_comes_back_word_for_word_has_the_etag_of_every_read(client: Client, house: House) -> None:
    path = house.path(ANNA)
    answer = client.put(path + "1.ics", PLAIN)
    read = client.request("GET", path + "1.ics")
    assert answer.status in (201, 204)
    assert (read.text, read.etag) == (PLAIN, answer.etag)
    listed = client.propfind(path, "D:getetag", "1").responses()[path + "1.ics"]
    assert listed.findtext(".//{DAV:}getetag") == answer.etag


@pytest.mark.parametrize("sent", CHANGED_ON_THE_WAY.values(), ids=CHANGED_ON_THE_WAY)
def test_what_is_kept_otherwise_is_read_again(
    client: Client, house: House, sent: str, request: pytest.FixtureRequest
) -> None:
    """Our reply has no ETag; stock Radicale sends one, and then it is one that no read returns."""
    path, token = house.path(ANNA), client.token(house.path(ANNA))
    answer = client.put(path + "1.ics", sent)
    assert answer.status in (201, 204), answer.text
    read = client.request("GET", path + "1.ics")
    assert read.text != sent
    if request.node.callspec.params["either"] == "own":
        assert answer.etag is None
    else:
        assert answer.etag and answer.etag != read.etag
    assert path + "1.ics" in client.sync(path, token).responses()
