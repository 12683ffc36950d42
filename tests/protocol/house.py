"""A small practice for protocol tests, and the ways to speak to a server: in-process or over loopback."""

from __future__ import annotations

import base64
import io
import logging
import re
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import requests

from radicale_practice.plugins import logs
from radicale_practice.practice import calendars, practices
from radicale_practice.practice.calendars import CalendarInfo
from radicale_practice.practice.database import Database
from radicale_practice.practice.model import CalendarKind, Role, Viewer
from radicale_practice.practice.people import patients, staff
from tests.processes import ServerProcess, free_port, running

ROOT = Path(__file__).parent.parent.parent
BIN = Path(sys.executable).parent
PASSWORD = "correct horse battery"
NAMES = {
    "D": "DAV:",
    "C": "urn:ietf:params:xml:ns:caldav",
    "CS": "http://calendarserver.org/ns/",
    "I": "http://apple.com/ns/ical/",
}
DECLARATIONS = " ".join(f'xmlns:{p}="{u}"' for p, u in NAMES.items())


@dataclass(frozen=True)
class House:
    """Two practices: Anna (umlaut, space), Ben and Rita of one; Otto of another."""

    database: Database
    practice_id: int
    other_practice_id: int
    room_id: int

    def viewer(self, user_name: str) -> Viewer:
        """The person as authentication would make it."""
        found = staff.authenticate(self.database, user_name, PASSWORD, "test/1.0")
        assert found is not None
        return found

    def calendars(self, user_name: str) -> list[CalendarInfo]:
        """The calendars this person sees."""
        with self.database.read() as uow:
            return calendars.list_for(uow, self.viewer(user_name))

    def own(self, user_name: str, kind: CalendarKind = CalendarKind.PRACTITIONER) -> CalendarInfo:
        """The person's own calendar of a kind."""
        staff_id = self.viewer(user_name).staff_id
        return next(c for c in self.calendars(user_name) if c.staff_id == staff_id and c.kind is kind)

    def path(self, user_name: str, info: CalendarInfo | None = None) -> str:
        """A calendar's path in the home of ``user_name``, unquoted."""
        info = info or self.own(user_name)
        return f"/{staff.path_name(user_name)}/{info.path_name}/"


ANNA, BEN, RITA, OTTO = "anna müller", "ben", "rita", "otto"


def build(database: Database) -> House:
    """Make the practices in a migrated database."""
    with database.write() as uow:
        practice = practices.create(uow, "ST Praxis")
        other = practices.create(uow, "Other House")
        for name, display, role in (
            (ANNA, "Anna Müller", Role.PRACTITIONER),
            (BEN, "Ben Berger", Role.PRACTITIONER),
            (RITA, "Rita Reich", Role.RECEPTIONIST),
        ):
            email = "anna@example.org" if name == ANNA else ""
            staff.add(uow, practice.id, name, display, role, PASSWORD, email)
        staff.add(uow, other.id, OTTO, "Otto Other", Role.PRACTITIONER, PASSWORD)
        room = calendars.add(uow, practice.id, CalendarKind.ROOM, "Raum 1")
        patients.add(uow, practice.id, "4711", "Maria", "Mustermann", "0660 1234567")
        patients.add(uow, practice.id, "4712", "Josef", "Huber")
    return House(database, practice.id, other.id, room.id)


@dataclass
class Answer:
    """A reply."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode()

    @property
    def etag(self) -> str | None:
        """The ETag header."""
        return self.headers.get("etag")

    @property
    def document(self) -> ET.Element:
        """The body as XML."""
        return ET.fromstring(self.body)

    def condition(self) -> str:
        """The first condition of a DAV:error, as "{namespace}name"; "" without one."""
        if b"error" not in self.body or b"DAV:" not in self.body:
            return ""
        root = self.document
        return root[0].tag if root.tag == "{DAV:}error" and len(root) else ""

    def responses(self) -> dict[str, ET.Element]:
        """The responses of a 207 by unquoted path."""
        assert self.status == 207, (self.status, self.body[:500])
        found = self.document.findall("{DAV:}response")
        return {unquote(urlsplit(r.findtext("{DAV:}href") or "").path): r for r in found}


@dataclass
class Client:
    """One client program signed in as one person."""

    send: Callable[[str, str, bytes, Mapping[str, str]], Answer]
    user: str = ANNA
    password: str = PASSWORD
    agent: str = "test/1.0"
    extra: dict[str, str] = field(default_factory=dict)

    def request(
        self, method: str, path: str, body: str | bytes = b"", headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send a request to an unquoted path."""
        data = body.encode() if isinstance(body, str) else body
        token = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        sent = {"User-Agent": self.agent, "Authorization": f"Basic {token}", **self.extra, **(headers or {})}
        return self.send(method, path, data, {k: v for k, v in sent.items() if v})

    def propfind(self, path: str, props: str, depth: str = "0") -> Answer:
        """PROPFIND of properties like ``"D:getetag C:calendar-data"``."""
        inner = "".join(f"<{name}/>" for name in props.split())
        body = f"<D:propfind {DECLARATIONS}><D:prop>{inner}</D:prop></D:propfind>"
        return self.request("PROPFIND", path, body, {"Depth": depth, "Content-Type": "application/xml"})

    def sync(self, path: str, token: str = "", props: str = "D:getetag", extra: str = "") -> Answer:
        """sync-collection."""
        inner = "".join(f"<{name}/>" for name in props.split())
        body = (
            f"<D:sync-collection {DECLARATIONS}><D:sync-token>{token}</D:sync-token>"
            f"<D:sync-level>1</D:sync-level>{extra}<D:prop>{inner}</D:prop></D:sync-collection>"
        )
        return self.request("REPORT", path, body, {"Depth": "1", "Content-Type": "application/xml"})

    def multiget(self, path: str, *names: str, props: str = "D:getetag C:calendar-data") -> Answer:
        """calendar-multiget of names in the calendar at ``path``."""
        inner = "".join(f"<{name}/>" for name in props.split())
        hrefs = "".join(f"<D:href>{quote(path + name)}</D:href>" for name in names)
        body = f"<C:calendar-multiget {DECLARATIONS}><D:prop>{inner}</D:prop>{hrefs}</C:calendar-multiget>"
        return self.request("REPORT", path, body, {"Depth": "1", "Content-Type": "application/xml"})

    def query(self, path: str, filter_: str, props: str = "D:getetag") -> Answer:
        """calendar-query with the XML of the comp-filter inside VCALENDAR."""
        inner = "".join(f"<{name}/>" for name in props.split())
        body = (
            f"<C:calendar-query {DECLARATIONS}><D:prop>{inner}</D:prop><C:filter>"
            f'<C:comp-filter name="VCALENDAR">{filter_}</C:comp-filter></C:filter></C:calendar-query>'
        )
        return self.request("REPORT", path, body, {"Depth": "1", "Content-Type": "application/xml"})

    def put(self, path: str, text: str | bytes, **headers: str) -> Answer:
        """PUT; ``if_match="…"`` becomes If-Match."""
        named = {key.replace("_", "-").title(): value for key, value in headers.items()}
        return self.request("PUT", path, text, {"Content-Type": "text/calendar; charset=utf-8", **named})

    def token(self, path: str) -> str:
        """The sync token now."""
        answer = self.propfind(path, "D:sync-token")
        found = answer.document.findtext(".//{DAV:}sync-token")
        assert found, answer.text
        return found


def wsgi_sender(
    application: Any, decoded: bool = False
) -> Callable[[str, str, bytes, Mapping[str, str]], Answer]:
    """Speak to a WSGI application in this process.

    Paths are bytes in latin-1 (PEP 3333), or ``decoded`` as Radicale's own server gives them.
    """

    def send(method: str, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        environ: dict[str, Any] = {
            "REQUEST_METHOD": method,
            "PATH_INFO": path if decoded else path.encode().decode("latin-1"),
            "SCRIPT_NAME": "",
            "QUERY_STRING": "",
            "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": "80",
            "HTTP_HOST": "127.0.0.1",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "127.0.0.1",
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(body),
            "wsgi.errors": sys.stderr,
        }
        if body:
            environ["CONTENT_LENGTH"] = str(len(body))
        for name, value in headers.items():
            key = name.upper().replace("-", "_")
            environ[key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"] = value
        started: list[Any] = []
        parts = application(environ, lambda status, fields, exc_info=None: started.append((status, fields)))
        status, fields = started[-1]
        return Answer(int(status[:3]), {k.lower(): v for k, v in fields}, b"".join(parts))

    return send


def http_sender(base: str) -> Callable[[str, str, bytes, Mapping[str, str]], Answer]:
    """Speak to a server at ``base`` ("http://127.0.0.1:5232")."""
    session = requests.Session()
    session.trust_env = False

    def send(method: str, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        reply = session.request(
            method, base + quote(path), data=body or None, headers=dict(headers), allow_redirects=False
        )
        return Answer(reply.status_code, {k.lower(): v for k, v in reply.headers.items()}, reply.content)

    return send


@contextmanager
def own_server(database_url: str, directory: Path) -> Iterator[tuple[str, ServerProcess]]:
    """Our Application through ``serve``, a real process; its address."""
    port = free_port()
    code = (
        "import sys; from radicale_practice.plugins.serve import serve;"
        "serve(config_path=sys.argv[1], port=int(sys.argv[2]), workers=2)"
    )
    command = [sys.executable, "-c", code, str(write_configuration(database_url, directory)), str(port)]
    with running(command, port, directory / "own.log") as process:
        yield f"http://127.0.0.1:{port}", process


@contextmanager
def stock_server(database_url: str, directory: Path) -> Iterator[tuple[str, ServerProcess]]:
    """Stock ``radicale --config`` with our plugins; its address."""
    port = free_port()
    command = [str(BIN / "radicale"), "--config", str(write_configuration(database_url, directory))]
    command += ["--server-hosts", f"127.0.0.1:{port}"]
    with running(command, port, directory / "stock.log") as process:
        yield f"http://127.0.0.1:{port}", process


def write_configuration(database_url: str, directory: Path) -> Path:
    """The shipped configuration file with this database."""
    text = (ROOT / "config" / "radicale.conf").read_text()
    line = next(line for line in text.splitlines() if line.startswith("database = "))
    path = directory / "radicale.conf"
    path.write_text(text.replace(line, f"database = {database_url}"))
    return path


def event(
    uid: str, summary: str = "Team", start: str = "20270105T090000", minutes: int = 30, more: str = ""
) -> str:
    """An iCalendar event in UTC."""
    hour, minute = int(start[9:11]), int(start[11:13]) + minutes
    end = f"{start[:9]}{hour + minute // 60:02d}{minute % 60:02d}00"
    return (
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\nBEGIN:VEVENT\r\n"
        f"UID:{uid}\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:{start}Z\r\nDTEND:{end}Z\r\n"
        f"SUMMARY:{summary}\r\n{more}END:VEVENT\r\nEND:VCALENDAR\r\n"
    )


class _Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []
        self.addFilter(logs.ContentFilter())

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


_RANDOM = re.compile(r"(?<![0-9a-z])((?=[0-9]*[a-f])[0-9a-f]{8,}|[0-9]{8}t[0-9]{6}z)(?![0-9a-z])")
"""Our ids and the time of day hold a patient's number once in a while."""


def words_in(text: str, words: Iterable[str]) -> list[str]:
    """Those of the words that stand in a text, in any case; not by chance in one of our ids or a time."""
    found = _RANDOM.sub("", text.lower())
    return [word for word in words if word.lower() in found]


@contextmanager
def log_lines(level: int) -> Iterator[list[str]]:
    """What a handler behind our filter gets of Radicale's log in this process, from ``level`` on."""
    logs.install()
    logger, handler = logging.getLogger("radicale"), _Lines()
    before = logger.level
    logger.setLevel(level)
    logger.addHandler(handler)
    try:
        yield handler.lines
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before)
