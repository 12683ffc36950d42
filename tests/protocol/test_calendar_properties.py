"""What clients set on calendars: Apple's child elements, names that are emptied."""

from __future__ import annotations

from sqlalchemy import text

from radicale_practice.practice import practices
from tests.protocol.conftest import MakeClient
from tests.protocol.house import ANNA, DECLARATIONS, NAMES, Client, House

APPLE = (
    '<I:calendar-color symbolic-color="custom">#FF2968</I:calendar-color>'
    "<C:calendar-free-busy-set><NO/></C:calendar-free-busy-set>"
)


COLOR = "I:calendar-color"


def symbol(client: Client, path: str) -> tuple[str | None, str | None]:
    """A calendar's colour: Apple's name of it, and the value."""
    (color,) = client.propfind(path, COLOR).document.iterfind(f".//{COLOR}", NAMES)
    return color.get("symbolic-color"), color.text


def served(client: Client, path: str) -> dict[str, str]:
    """Name, colour and free-busy set of a calendar."""
    found = client.propfind(path, "D:displayname I:calendar-color C:calendar-free-busy-set").document
    color = found.find(".//I:calendar-color", NAMES)
    return {
        "name": found.findtext(".//{DAV:}displayname") or "",
        "color": "" if color is None else color.text or "",
        "set": " ".join(e.tag for e in found.iterfind(".//C:calendar-free-busy-set/*", NAMES)),
    }


def test_a_new_calendar_keeps_what_apple_says_of_it(own: MakeClient) -> None:
    client, path = own(), "/anna_müller/6C2A1B7E-2B0F-4C53-8E0C-1A2B3C4D5E6F/"
    body = (
        f"<C:mkcalendar {DECLARATIONS}><D:set><D:prop><D:displayname>Neu</D:displayname>{APPLE}"
        '<C:supported-calendar-component-set><C:comp name="VEVENT"/></C:supported-calendar-component-set>'
        "</D:prop></D:set></C:mkcalendar>"
    )
    assert client.request("MKCALENDAR", path, body).status == 201
    assert served(client, path) == {"name": "Neu", "color": "#FF2968", "set": "NO"}
    assert symbol(client, path) == ("custom", "#FF2968")


def test_the_practices_next_colour_shows_whatever_apple_called_the_former(
    own: MakeClient, house: House
) -> None:
    """macOS writes the colour that it has just read, with its name for it: that is no choice."""
    client, path = own(), house.path(ANNA)
    _, color = symbol(client, path)
    prop = f'<{COLOR} symbolic-color="custom">{color}</{COLOR}>'
    update = f"<D:propertyupdate {DECLARATIONS}><D:set><D:prop>{prop}</D:prop></D:set></D:propertyupdate>"
    assert client.request("PROPPATCH", path, update).status == 207
    assert symbol(client, path) == ("custom", color)
    with house.database.write() as uow:
        uow.connection.execute(text("UPDATE calendar SET color = '#102030FF'"))
    assert symbol(client, path) == (None, "#102030FF")


def test_where_the_practice_wants_none_no_private_calendar_is_made(either: MakeClient, house: House) -> None:
    with house.database.write() as uow:
        practices.set_settings(uow, house.practice_id, {"private_calendars": False})
    client, home = either(), "/anna_müller/"
    before = set(client.propfind(home, "D:displayname", "1").responses())
    body = "<D:set><D:prop><D:displayname>Neu</D:displayname></D:prop></D:set>"
    made = f"<C:mkcalendar {DECLARATIONS}>{body}</C:mkcalendar>"
    assert client.request("MKCALENDAR", home + "neu/", made).status == 403
    assert set(client.propfind(home, "D:displayname", "1").responses()) == before


def test_a_calendar_always_has_a_name(either: MakeClient, house: House) -> None:
    client, path = either(), house.path(ANNA)
    before = served(client, path)["name"]
    for name in ("Meine Termine", " "):
        body = f"<D:displayname>{name}</D:displayname>"
        update = f"<D:propertyupdate {DECLARATIONS}><D:set><D:prop>{body}</D:prop></D:set></D:propertyupdate>"
        assert client.request("PROPPATCH", path, update).status == 207
        assert served(client, path)["name"] == (name.strip() or before)
    made = f"<C:mkcalendar {DECLARATIONS}><D:set><D:prop><D:displayname/></D:prop></D:set></C:mkcalendar>"
    assert client.request("MKCALENDAR", "/anna_müller/leer/", made).status == 201
    assert served(client, "/anna_müller/leer/")["name"]
