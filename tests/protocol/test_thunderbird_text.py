"""Thunderbird decodes each piece of a reply by itself: a letter of two bytes may be cut in half."""

from __future__ import annotations

from tests.protocol.conftest import MakeClient
from tests.protocol.house import ANNA, House, event

AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Thunderbird/140.7.0"
DATA = ".//{urn:ietf:params:xml:ns:caldav}calendar-data"


def test_no_letter_can_be_cut_in_half(own: MakeClient, house: House) -> None:
    path, title = house.path(ANNA), "Jäger Götz – Übergabe 💉 & <mehr>"
    thunderbird, other = own(agent=AGENT), own()
    assert other.put(path + "1.ics", event("1@x", title)).status == 201
    for read in (
        lambda client: client.multiget(path, "1.ics"),
        lambda client: client.sync(path, props="D:getetag C:calendar-data"),
        lambda client: client.query(path, '<C:comp-filter name="VEVENT"/>', "C:calendar-data"),
        lambda client: client.propfind("/anna_müller/", "D:displayname", "1"),
    ):
        answer, same = read(thunderbird), read(other)
        assert answer.body.isascii() and not same.body.isascii()
        assert [e.text for e in answer.document.iter()] == [e.text for e in same.document.iter()]
    text = thunderbird.multiget(path, "1.ics").document.findtext(DATA)
    assert text is not None and f"SUMMARY:{title}" in text
