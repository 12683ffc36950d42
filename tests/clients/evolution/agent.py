"""evolution-data-server behind one JSON request a line (see ../agent.py).

Runs with the system's Python (the bindings come from Debian) inside a D-Bus session of its own. The accounts
are found by the function behind Evolution's account assistant, and calendars are used as Evolution does.
"""

import base64
import contextlib
import json
import os
import re
import sqlite3
import sys
import threading
import time
import traceback
import urllib.request
from urllib.parse import quote, urlsplit

import gi

gi.require_version("ECal", "2.0")
gi.require_version("EDataServer", "1.2")
gi.require_version("ICalGLib", "3.0")
from gi.repository import ECal, EDataServer, GLib, ICalGLib  # noqa: E402

URL, USER_NAME, PASSWORD = sys.argv[1:4]
SECONDS = 30
TAG = "X-EVOLUTION-CALDAV-ETAG"


class Evolution:
    """One account; a calendar's key is the last segment of its path."""

    def __init__(self):
        self.registry = EDataServer.SourceRegistry.new_sync(None)
        self.sources = {}
        self.clients = {}

    def discover(self):
        probe = EDataServer.Source.new_with_uid("probe", None)
        _authentication(probe)
        found = EDataServer.webdav_discover_sources_sync(
            probe, URL, EDataServer.WebDAVDiscoverSupports.EVENTS, _credentials(), None
        )
        for one in found[3]:
            source = self._add_source(one.href, one.display_name)
            self.sources[_key(one.href)] = source
        return sorted(self.sources)

    def pull(self, calendar):
        client = self._client(calendar)
        client.refresh_sync(None)
        _wait(lambda: self._synchronised(calendar), "the end of a refresh")
        texts = {}
        done, components = client.get_object_list_sync("#t", None)
        for component in components:
            texts.setdefault(component.get_uid(), []).append(component.as_ical_string())
        return {uid: _calendar(parts) for uid, parts in texts.items()}

    def shown(self, calendar, uid):
        client = self._client(calendar)
        client.refresh_sync(None)
        _wait(lambda: self._synchronised(calendar), "the end of a refresh")
        try:
            done, components = client.get_objects_for_uid_sync(uid, None)
        except GLib.Error:
            return None
        return _calendar([component.get_as_string() for component in components])

    def create(self, calendar, text):
        client = self._client(calendar)
        self._zones(client, text)
        for component in _events(text):
            done, uid = client.create_object_sync(component, ECal.OperationFlags.NONE, None)

    def edit(self, calendar, text):
        self._modify(calendar, text, ECal.OperationFlags.CONFLICT_FAIL)

    def editStale(self, calendar, text):  # noqa: N802 - the request's name
        try:
            self._modify(calendar, text, ECal.OperationFlags.CONFLICT_FAIL)
        except GLib.Error as error:
            if not error.matches(EDataServer.Client.error_quark(), EDataServer.ClientError.OUT_OF_SYNC):
                raise
        else:
            raise RuntimeError("the stale change was not refused")

    def move(self, uid, source, target):
        done, component = self._client(source).get_object_sync(uid, None, None)
        self._client(target).create_object_sync(component, ECal.OperationFlags.NONE, None)
        self.delete(source, uid)

    def delete(self, calendar, uid):
        self._client(calendar).remove_object_sync(
            uid, None, ECal.ObjModType.ALL, ECal.OperationFlags.CONFLICT_FAIL, None
        )

    def _modify(self, calendar, text, flags):
        client = self._client(calendar)
        self._zones(client, text)
        master, *exceptions = _events(text)
        self._as_edited(client, master)
        client.modify_object_sync(master, ECal.ObjModType.ALL, flags, None)
        for exception in exceptions:
            self._as_edited(client, exception)
            client.modify_object_sync(exception, ECal.ObjModType.THIS, flags, None)

    def _as_edited(self, client, component):
        """The user edits the component that the client has: its tag is in there."""
        done, had = client.get_object_sync(component.get_uid(), None, None)
        tag = ECal.util_component_dup_x_property(had, TAG)
        ECal.util_component_set_x_property(component, TAG, tag)

    def _zones(self, client, text):
        calendar = ICalGLib.Component.new_from_string(text)
        zone = calendar.get_first_component(ICalGLib.ComponentKind.VTIMEZONE_COMPONENT)
        while zone is not None:
            timezone = ICalGLib.Timezone.new()
            timezone.set_component(zone.clone())
            client.add_timezone_sync(timezone, None)
            zone = calendar.get_next_component(ICalGLib.ComponentKind.VTIMEZONE_COMPONENT)

    def _add_source(self, address, name):
        parts = urlsplit(address)
        source = EDataServer.Source.new(None, None)
        source.set_display_name(name)
        source.set_parent("caldav-stub")
        source.get_extension("Calendar").set_backend_name("caldav")
        authentication = _authentication(source)
        authentication.set_host(parts.hostname)
        authentication.set_port(parts.port)
        source.get_extension("Security").set_method("none")
        source.get_extension("WebDAV Backend").set_resource_path(parts.path)
        source.get_extension("Offline").set_stay_synchronized(True)
        source.get_extension("Refresh").set_enabled(False)
        self.registry.commit_source_sync(source, None)
        known = _wait(
            lambda: self.registry.ref_source(source.get_uid()),
            "the new source",
            self.registry,
            "source-added",
        )
        known.connect("credentials-required", _answer_credentials)
        return known

    def _client(self, calendar):
        if calendar not in self.clients:
            source = self.sources[calendar]
            client = ECal.Client.connect_sync(source, ECal.ClientSourceType.EVENTS, 0, None)
            connected = EDataServer.SourceConnectionStatus.CONNECTED
            _wait(
                lambda: source.get_connection_status() == connected,
                "the connection",
                source,
                "notify::connection-status",
            )
            self.clients[calendar] = client
        return self.clients[calendar]

    def _synchronised(self, calendar):
        """Whether the backend's own note of the calendar's tag is what the server says now."""
        source = self.sources[calendar]
        parts = urlsplit(URL)
        path = source.get_extension("WebDAV Backend").dup_resource_path()
        tag = _ctag(f"http://{parts.netloc}{path}")
        cache = os.path.join(
            os.environ["XDG_CACHE_HOME"], "evolution", "calendar", source.get_uid(), "cache.db"
        )
        with contextlib.closing(sqlite3.connect(f"file:{quote(cache)}?mode=ro", uri=True)) as database:
            rows = database.execute(
                "SELECT value FROM ECacheKeys WHERE key = 'user::ecmb::sync-tag'"
            ).fetchall()
        return bool(rows) and rows[0][0].strip('"') == tag


def _credentials():
    credentials = EDataServer.NamedParameters.new()
    credentials.set("username", USER_NAME)
    credentials.set("password", PASSWORD)
    return credentials


def _answer_credentials(source, *_):
    """What Evolution's password dialog does, without the dialog."""
    source.invoke_authenticate(_credentials(), None, None)


def _authentication(source):
    authentication = source.get_extension("Authentication")
    authentication.set_user(USER_NAME)
    authentication.set_method("plain/password")
    return authentication


def _ctag(address):
    body = b'<propfind xmlns="DAV:"><prop><getctag xmlns="http://calendarserver.org/ns/"/></prop></propfind>'
    token = base64.b64encode(f"{USER_NAME}:{PASSWORD}".encode()).decode()
    headers = {"Depth": "0", "Content-Type": "application/xml", "Authorization": f"Basic {token}"}
    request = urllib.request.Request(address, body, headers, method="PROPFIND")
    with urllib.request.urlopen(request, timeout=SECONDS) as answer:
        text = answer.read().decode()
    return re.search(r"getctag[^>]*>(.*?)<", text).group(1).replace("&quot;", '"').strip('"')


def _events(text):
    calendar = ICalGLib.Component.new_from_string(text)
    kind = ICalGLib.ComponentKind.VEVENT_COMPONENT
    events = []
    component = calendar.get_first_component(kind)
    while component is not None:
        events.append(component.clone())
        component = calendar.get_next_component(kind)
    return events


def _calendar(parts):
    return "\r\n".join(
        ["BEGIN:VCALENDAR", "VERSION:2.0", *(part.strip() for part in parts), "END:VCALENDAR", ""]
    )


def _key(address):
    return urlsplit(address).path.rstrip("/").rsplit("/", 1)[-1]


def _wait(condition, what, source=None, signal=None):
    """The first true value of a condition, looked at again whenever ``source`` emits ``signal``.

    The end of a refresh is told to nobody outside the data server: without a signal it is asked for.
    """
    told = threading.Event()
    handler = source.connect(signal, lambda *_: told.set()) if source is not None else None
    end = time.monotonic() + SECONDS
    try:
        while not (value := condition()):
            if time.monotonic() > end:
                raise TimeoutError(f"{what}: not within {SECONDS} seconds")
            told.wait(0.02 if source is None else 1)
            told.clear()
        return value
    finally:
        if handler is not None:
            source.disconnect(handler)


def _serve(loop):
    try:
        evolution = Evolution()
        for line in sys.stdin:
            request = json.loads(line)
            try:
                result = getattr(evolution, request.pop("do"))(**request)
                answer = {"result": result}
            except Exception:
                answer = {"error": traceback.format_exc()}
            print(json.dumps(answer), flush=True)
    finally:
        loop.quit()


def main():
    """Requests in a thread, so that the loop of the main thread delivers the signals of the sources."""
    loop = GLib.MainLoop()
    threading.Thread(target=_serve, args=(loop,), daemon=True).start()
    loop.run()


if __name__ == "__main__":
    main()
