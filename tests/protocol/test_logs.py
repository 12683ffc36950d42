"""What people named things is in no log line: paths at every level, query strings, texts of exceptions."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from urllib.parse import quote

import pytest

from radicale_practice.plugins import logs
from radicale_practice.practice.model import CalendarKind
from tests.protocol.conftest import MakeClient
from tests.protocol.house import ANNA, House, event, log_lines, words_in

WORDS = ("Huber", "Maria", "Kinder", "4711")


@pytest.fixture(params=[logging.INFO, logging.DEBUG])
def lines(request: pytest.FixtureRequest) -> Iterator[list[str]]:
    """Radicale's log lines as a handler behind our filter gets them."""
    with log_lines(request.param) as lines:
        yield lines


def test_no_segment_that_somebody_chose(either: MakeClient, house: House, lines: list[str]) -> None:
    client, path = either(), house.path(ANNA)
    private = house.path(ANNA, house.own(ANNA, CalendarKind.PRIVATE))
    name = "Huber Maria.ics"
    for place in (path + name, path + "Huber 'Maria' \"4711\".ics", private + name + "/"):
        client.put(place, event(place + "@x"))
        client.request("GET", place)
    for place in ("/" + name, "/Huber Maria/", "/anna_müller/" + name, "/anna_müller/Huber Maria/x.ics"):
        client.put(place, event("1@x"))
        client.propfind(place, "D:getetag", "1")
    client.request("MKCALENDAR", "/anna_müller/Huber Maria Kinder/")
    client.request("DELETE", "/anna_müller/Huber Maria Kinder/")
    for target in (path + "Huber.ics?Maria=4711", "http://elsewhere.example/Huber/Maria?4711"):
        client.request("MOVE", path + name, b"", {"Destination": quote(target, safe="/:?=")})
    client.multiget(path, name, "../Huber Maria.ics")
    client.put(path + "4.ics", b"BEGIN:VCALENDAR\r\nHuber Maria\r\n")
    assert any("PUT" in line for line in lines)
    assert [line for line in lines if words_in(line, WORDS)] == []


def test_a_calendar_is_still_told_from_another(own: MakeClient, house: House, lines: list[str]) -> None:
    path = house.path(ANNA)
    own().propfind("/", "D:getetag")
    lines.clear()
    own().propfind(path, "D:getetag", "1")
    own().propfind("/anna_müller/", "D:getetag")
    status = [line for line in lines if "response status" in line]
    assert f"'{path}' with depth '1' in " in status[0]
    assert "'/anna_müller/' with depth '0' in " in status[1]
    assert not any("~" in line for line in lines if "PROPFIND" in line)


def test_what_was_typed_as_user_name_by_mistake(either: MakeClient, lines: list[str]) -> None:
    either("Huber Maria").propfind("/Huber_Maria/", "D:getetag")
    either(ANNA, password="wrong").propfind("/anna_müller/", "D:getetag")
    failed = [line for line in lines if "Failed login attempt" in line]
    assert len(failed) == 2
    assert [line for line in lines if words_in(line, WORDS)] == []


def test_a_person_with_a_wrong_password_is_named(own: MakeClient) -> None:
    with log_lines(logging.INFO) as lines:
        own().propfind("/", "D:getetag")
        own(password="wrong").propfind("/anna_müller/", "D:getetag")
    assert any("Failed login attempt" in line and repr(ANNA) in line for line in lines)
    assert any("'/anna_müller/'" in line for line in lines)


@pytest.mark.parametrize("ending", ["", "/", "?Huber", "#Huber"])
def test_opaque_names_stay(ending: str) -> None:
    opaque = "a" * 32
    shown = logs.masked(f"/Huber/{opaque}/{opaque}.ics{ending}")
    assert f"/{opaque}/{opaque}" in shown and "Huber" not in shown
    assert logs.masked("/") == "/" and logs.masked("/.well-known/caldav") == "/.well-known/caldav"


def test_texts_of_exceptions_stay_out(lines: list[str]) -> None:
    logger = logging.getLogger("radicale")
    try:
        raise ValueError("Huber Maria in '/anna/x/Huber Maria.ics'")
    except ValueError as error:
        logger.error(
            "An exception occurred during %s request on %r: %s", "PUT", "/Huber", error, exc_info=True
        )
        logger.warning("Bad request on %r: %s", "/a/b/Huber", error)
    logger.warning("odd '/a/b/Huber' and \"/c/d/it's Maria\" here")
    assert len(lines) == 3 and "ValueError" in lines[0]
    assert [line for line in lines if words_in(line, WORDS)] == []


def test_texts_that_are_formatted_before_they_are_logged() -> None:
    """Radicale's debug level quotes UIDs in whole messages; the quotes follow what is quoted."""
    with log_lines(logging.DEBUG) as lines:
        for quoted in (
            "'Huber@x'",
            '"Huber\'s Maria"',
            "'FREQ=DAILY' entries in VEVENT in object \"Maria's\"",
        ):
            logging.getLogger("radicale").debug(
                f"Recurrence rule count in VEVENT in object {quoted}: 5 (limit: 9)"
            )
    assert lines == ["Recurrence rule count in VEVENT in object <text>: 5 (limit: 9)"] * 3
