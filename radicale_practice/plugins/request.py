"""What is known about the request at hand: who asks, the body's own bytes, the unit of work.

Radicale authenticates and handles a request in one thread and asks ``get_external_login`` first, on every
request: that is where ``begin`` resets all this. Code that needs a viewer and finds none raises.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from radicale_practice.plugins.addresses import address_of
from radicale_practice.plugins.home import Home, load_home
from radicale_practice.practice.database import Database, UnitOfWork, translated_errors
from radicale_practice.practice.errors import Unavailable, ViewerMissing
from radicale_practice.practice.model import Actor, Viewer
from radicale_practice.practice.people import staff

ENVIRON_KEY = "radicale_practice.request"


class BodyCopy:
    """A ``wsgi.input`` that remembers what was read from it.

    Radicale hands the storage a parsed and rewritten item; the lens needs the client's own bytes. What is
    kept is what Radicale read, so its ``max_content_length`` bounds it.
    """

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._parts: list[bytes] = []

    def read(self, size: int = -1) -> bytes:
        """Bytes from the stream, kept."""
        data: bytes = self._stream.read(size) if size >= 0 else self._stream.read()
        self._parts.append(data)
        return data

    def readline(self, size: int = -1) -> bytes:
        """A line from the stream, kept."""
        data: bytes = self._stream.readline(size)
        self._parts.append(data)
        return data

    @property
    def data(self) -> bytes:
        """Everything read so far."""
        if len(self._parts) > 1:
            self._parts = [b"".join(self._parts)]
        return self._parts[0] if self._parts else b""


@dataclass(slots=True)
class Request:
    """One request. ``unavailable`` remembers that the database failed, whoever swallowed the error.

    ``claimed``: the path name of who the client says it is, before that is judged; anything can be typed
    there. ``address``: where the client is, "" if that cannot be told.
    """

    method: str = ""
    user_agent: str = ""
    body: BodyCopy | None = None
    viewer: Viewer | None = None
    home: Home | None = None
    unit: UnitOfWork | None = None
    unavailable: bool = False
    claimed: str = ""
    address: str = ""

    @property
    def data(self) -> bytes:
        """The body's bytes as the client sent them, as far as they have been read."""
        return self.body.data if self.body is not None else b""

    def sign_in(self, viewer: Viewer) -> None:
        """Who is asking, as authentication has found out."""
        self.viewer = viewer
        _people.add(staff.path_name(viewer.user_name))

    def require_viewer(self) -> Viewer:
        """Who is asking. Raises ``ViewerMissing`` if nobody is signed in."""
        if self.viewer is None:
            raise ViewerMissing("no viewer in this request")
        return self.viewer

    def require_unit(self) -> UnitOfWork:
        """The open unit of work. Raises ``ViewerMissing`` outside a storage lock: that is a defect."""
        if self.unit is None:
            raise ViewerMissing("the storage is not locked")
        return self.unit

    def actor(self) -> Actor:
        """The person and program behind this request, for triggers and journal."""
        if self.viewer is None:
            return Actor()
        return Actor(
            staff_id=self.viewer.staff_id, device_id=self.viewer.device_id, program=self.viewer.program
        )

    @contextmanager
    def noting_failures(self) -> Iterator[None]:
        """Remember ``Unavailable`` (and what means it), so that the answer becomes "try again later"."""
        try:
            with translated_errors():
                yield
        except Unavailable:
            self.unavailable = True
            raise

    def require_home(self, database: Database) -> Home:
        """The viewer's practice and calendars, loaded once a request.

        Inside a writing unit they are read again there: access is checked in the transaction that writes.
        """
        viewer = self.require_viewer()
        if self.unit is not None and self.unit.mode == "w":
            if self.home is None or self.home.unit is not self.unit:
                self.home = load_home(self.unit, viewer)
            return self.home
        if self.home is None and self.unit is not None:
            self.home = load_home(self.unit, viewer)
        if self.home is None:
            with self.noting_failures(), database.read() as unit:
                self.home = load_home(unit, viewer)
        return self.home


_people: set[str] = set()
"""Path names of those who have signed in since this process began."""

_current: ContextVar[Request | None] = ContextVar("radicale_practice_request", default=None)


def begin(environ: dict[str, Any]) -> Request:
    """Forget the former request of this thread and start this one; keep a copy of its body."""
    known = environ.get(ENVIRON_KEY)
    if isinstance(known, Request):
        _current.set(known)
        return known
    request = Request(
        method=environ.get("REQUEST_METHOD", "").upper(),
        user_agent=environ.get("HTTP_USER_AGENT", "")[:255],
        claimed=_claimed(environ.get("HTTP_AUTHORIZATION", "")),
        address=address_of(environ),
    )
    if "wsgi.input" in environ:
        request.body = BodyCopy(environ["wsgi.input"])
        environ["wsgi.input"] = request.body
    # Radicale would decode user name and password by the charset that the body is said to have
    environ["CONTENT_TYPE"] = environ.get("CONTENT_TYPE", "").partition(";")[0].strip()
    environ[ENVIRON_KEY] = request
    _current.set(request)
    return request


def is_person(path_name: str) -> bool:
    """Whether somebody has signed in under this name: then it is no word that was typed by mistake."""
    return path_name in _people


def is_mistyped(text: str) -> bool:
    """Whether this was typed as user name in this thread's request, and nobody has signed in so."""
    request = _current.get()
    claimed = request.claimed if request is not None else ""
    return bool(claimed) and staff.path_name(text) == claimed and not is_person(claimed)


def _claimed(authorization: str) -> str:
    try:
        typed = b64decode(authorization.removeprefix("Basic ").strip()).decode()
    except ValueError:
        return ""
    return staff.path_name(typed.partition(":")[0])


def current() -> Request:
    """The request of this thread; a blank one (nobody signed in) outside of any."""
    request = _current.get()
    if request is None:
        request = Request()
        _current.set(request)
    return request


def end() -> None:
    """Forget this thread's request."""
    _current.set(None)
