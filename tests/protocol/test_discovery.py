"""Setting up an account, in the requests of each client (``clients.md`` 2 to 6)."""

from __future__ import annotations

from tests.protocol.conftest import MakeClient
from tests.protocol.house import ANNA, BEN, OTTO, RITA, House, event

IOS_PRINCIPAL = (
    "C:calendar-home-set C:calendar-user-address-set D:current-user-principal D:displayname"
    " CS:dropbox-home-URL CS:email-address-set C:max-attendees-per-instance CS:notification-URL"
    " D:principal-collection-set D:principal-URL D:resource-id C:schedule-inbox-URL C:schedule-outbox-URL"
    " D:supported-report-set"
)
IOS_HOME = (
    "D:add-member CS:allowed-sharing-modes I:autoprovisioned C:calendar-alarm I:calendar-color"
    " C:calendar-description C:calendar-free-busy-set I:calendar-order C:calendar-timezone"
    " D:current-user-privilege-set C:default-alarm-vevent-date D:displayname CS:getctag I:language-code"
    " D:owner CS:pre-publish-url D:quota-available-bytes I:refreshrate D:resource-id D:resourcetype"
    " C:schedule-calendar-transp CS:source CS:subscribed-strip-alarms C:supported-calendar-component-set"
    " C:supported-calendar-component-sets D:supported-report-set D:sync-token"
)


def _answered(answer, path: str, props: str) -> dict[str, list[str]]:
    """Tags by status of one response; every property asked for must be in exactly one propstat."""
    response = answer.responses()[path]
    by_status: dict[str, list[str]] = {}
    for propstat in response.findall("{DAV:}propstat"):
        status = (propstat.findtext("{DAV:}status") or "")[9:12]
        by_status.setdefault(status, []).extend(p.tag.rpartition("}")[2] for p in propstat[0])
    assert sorted(t for tags in by_status.values() for t in tags) == sorted(
        p.rpartition(":")[2] for p in props.split()
    )
    return by_status


def test_anonymous_and_wrong_passwords_are_asked_for_a_password(either: MakeClient) -> None:
    for client in (either(user="", password="", extra={"Authorization": ""}), either(password="wrong")):
        answer = client.propfind("/", "D:current-user-principal")
        assert answer.status == 401
        assert answer.headers["www-authenticate"].startswith("Basic")


def test_well_known_is_a_permanent_redirect_for_everybody(either: MakeClient) -> None:
    for client in (either(), either(extra={"Authorization": ""})):
        for method in ("PROPFIND", "GET", "OPTIONS"):
            for path in ("/.well-known/caldav", "/.well-known/caldav/"):
                answer = client.request(method, path)
                assert (answer.status, answer.headers["location"]) == (301, "/")


def test_ios_account(own: MakeClient, house: House) -> None:
    client = own(agent="iOS/26.5 (23F77) accountsd/1.0", extra={"Prefer": "return=minimal", "Brief": "t"})
    first = client.propfind("/", "D:current-user-principal D:principal-URL D:resourcetype")
    href = first.document.findtext(".//{DAV:}current-user-principal/{DAV:}href")
    assert href == "/anna_m%C3%BCller/"
    options = client.request("OPTIONS", "/anna_müller/")
    tokens = [token.strip() for token in options.headers["dav"].split(",")]
    assert options.status == 200 and "calendar-access" in tokens and "2" not in tokens
    principal = client.propfind("/anna_müller/", IOS_PRINCIPAL)
    status = _answered(principal, "/anna_müller/", IOS_PRINCIPAL)
    assert {"displayname", "calendar-home-set", "calendar-user-address-set"} <= set(status["200"])
    assert {"schedule-inbox-URL", "notification-URL"} <= set(status["404"])
    assert "mailto:anna@example.org" in principal.text
    assert principal.headers["content-length"] == str(len(principal.body))
    home = client.propfind("/anna_müller/", IOS_HOME, depth="1")
    paths = {house.path(ANNA, info) for info in house.calendars(ANNA)}
    assert set(home.responses()) == {"/anna_müller/", *paths}
    for path in paths:
        assert {"displayname", "sync-token", "getctag"} <= set(_answered(home, path, IOS_HOME)["200"])
    assert "ST Praxis – Anna Müller" in home.text


def test_nobody_without_an_address_gets_a_mailto(own: MakeClient) -> None:
    answer = own(BEN).propfind("/ben/", "C:calendar-user-address-set CS:email-address-set")
    assert "mailto" not in answer.text and "/ben/" in answer.text


def test_davx5_account(either: MakeClient, house: House) -> None:
    client = either(agent="DAVx5/4.5 (at.bitfire.davdroid)")
    typed = client.propfind(
        "/", "D:resourcetype D:displayname D:current-user-principal D:current-user-privilege-set"
    )
    assert "/anna_m%C3%BCller/" in typed.text
    props = "D:current-user-privilege-set D:displayname D:owner D:resourcetype I:calendar-color"
    home = client.propfind("/anna_müller/", props + " C:supported-calendar-component-set", depth="1")
    calendars = [
        r
        for r in home.responses().values()
        if r.find(".//{urn:ietf:params:xml:ns:caldav}calendar") is not None
    ]
    assert len(calendars) == len(house.calendars(ANNA))
    for response in calendars:
        comps = [c.get("name") for c in response.iter("{urn:ietf:params:xml:ns:caldav}comp")]
        assert comps == ["VEVENT"]
        assert response.findtext(".//{http://apple.com/ns/ical/}calendar-color", "").startswith("#")


def test_privileges_are_spelled_out(own: MakeClient, house: House) -> None:
    own_path = house.path(BEN)
    client = own(BEN, agent="CalDavSynchronizer/4.5")
    mine = client.propfind(own_path, "D:current-user-privilege-set").document
    names = {p[0].tag.rpartition("}")[2] for p in mine.iter("{DAV:}privilege")}
    assert {"read", "write", "write-content", "bind", "unbind"} <= names and "all" not in names
    theirs = house.path(BEN, house.own(ANNA))
    answer = client.propfind(theirs, "D:current-user-privilege-set")
    names = {p[0].tag.rpartition("}")[2] for p in answer.document.iter("{DAV:}privilege")}
    assert "read" in names and not names & {"write", "write-content", "bind", "unbind", "all"}


def test_thunderbird_account(either: MakeClient, house: House) -> None:
    path = house.path(ANNA)
    answer = either(agent="Thunderbird/140").propfind(
        path,
        "D:resourcetype D:owner D:current-user-principal D:current-user-privilege-set"
        " D:supported-report-set C:supported-calendar-component-set CS:getctag",
    )
    assert answer.status == 207 and "sync-collection" in answer.text
    assert answer.document.findtext(".//{DAV:}owner/{DAV:}href") == "/anna_m%C3%BCller/"


def test_login_names_as_clients_send_them(either: MakeClient) -> None:
    for name in ("anna müller", "anna_müller", "anna%20m%C3%BCller"):
        answer = either(name).propfind("/", "D:current-user-principal")
        assert answer.document.findtext(".//{DAV:}current-user-principal/{DAV:}href") == "/anna_m%C3%BCller/"


def test_other_homes_and_practices_tell_nothing(either: MakeClient, house: House) -> None:
    client = either(RITA)
    secret = house.path(OTTO)
    replies = {
        path: client.propfind(path, "D:displayname", depth="1")
        for path in ("/otto/", secret, "/nobody/", "/nobody/x/", house.path(BEN), "/rita/unknown/")
    }
    assert replies.pop("/rita/unknown/").status == 404
    assert {r.status for r in replies.values()} == {403}
    bodies = {p: r.text.replace(p, "") for p, r in replies.items()}
    assert "Otto" not in "".join(bodies.values())
    for method in ("GET", "DELETE", "PUT", "MKCALENDAR", "REPORT", "PROPPATCH", "MOVE"):
        headers = {"Destination": "/rita/x/y.ics"} if method == "MOVE" else {}
        assert client.request(method, secret + "a.ics", b"", headers).status in (400, 403, 404)


def test_principal_reports_of_apple_are_answered(either: MakeClient) -> None:
    for name in ("principal-search-property-set", "expand-property"):
        answer = either().request("REPORT", "/anna_müller/", f'<D:{name} xmlns:D="DAV:"/>', {"Depth": "0"})
        assert answer.status == 207


def test_reading_only_what_changed(own: MakeClient, house: House) -> None:
    client, path = own(), house.path(ANNA)
    assert client.put(path + "1.ics", event("1@x")).status == 201
    got = client.request("GET", path + "1.ics")
    head = client.request("HEAD", path + "1.ics")
    assert (head.status, head.etag, head.body) == (200, got.etag, b"")
    again = client.request("GET", path + "1.ics", b"", {"If-None-Match": got.etag or ""})
    assert (again.status, again.body) == (304, b"")
    assert client.request("GET", "/.mobileconfig").status == 404
    assert client.request("GET", "/.web").status == 200
