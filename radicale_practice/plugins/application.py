"""Radicale's Application with what a plugin cannot do.

The client's own bytes in a PUT, the replies clients need (conditions, 412, 503 with Retry-After), and
listings built from one template. Everything else is Radicale's.
"""

from __future__ import annotations

import io
from base64 import b64decode
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from http import client
from typing import Any

from radicale import config, httputils
from radicale.app import Application as RadicaleApplication

from radicale_practice.plugins import conditions, logs, replies, request
from radicale_practice.plugins.call import Call, ShortBody, call_of
from radicale_practice.plugins.databases import DATABASE_VARIABLE, database_of
from radicale_practice.plugins.methods.delete import delete
from radicale_practice.plugins.methods.mkcalendar import mkcalendar, mkcol
from radicale_practice.plugins.methods.move import move
from radicale_practice.plugins.methods.propfind import propfind
from radicale_practice.plugins.methods.proppatch import proppatch
from radicale_practice.plugins.methods.put import put
from radicale_practice.plugins.methods.report import report
from radicale_practice.plugins.replies import Reply
from radicale_practice.plugins.xml import BadXml
from radicale_practice.practice.errors import NotFound, NotPermitted

Headers = list[tuple[str, str]]
Handler = Callable[[Call], Reply | None]

RETRY_AFTER = "30"
"""Seconds a client waits when the database is away."""

_METHODS = "DELETE, GET, HEAD, MKCALENDAR, MKCOL, MOVE, OPTIONS, PROPFIND, PROPPATCH, PUT, REPORT"


class Application(RadicaleApplication):
    """A WSGI application for one configuration; keeps no state that another worker would need."""

    def __init__(self, configuration: config.Configuration) -> None:
        super().__init__(configuration)
        logs.install()
        self.database = database_of(configuration)
        self.max_resource_size = int(self._max_resource_size)

    def __call__(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        """Answer one request. A failure of the database anywhere in it is a 503, never less."""
        problem = _prepare(environ, int(self._max_content_length))
        if problem is not None:
            status, headers, answers = _refused(environ, problem)
            start_response(status, headers)
            return answers
        current = request.begin(environ)
        started: list[tuple[str, Headers]] = []

        def remember(status: str, headers: Headers, exc_info: Any = None) -> None:
            started.append((status, headers))

        try:
            answers = super().__call__(environ, remember)
            status, headers = started[-1]
            if current.unavailable:
                status, headers, answers = _plain(client.SERVICE_UNAVAILABLE)
            start_response(status, _corrected(status, headers))
            return answers
        finally:
            request.end()

    def locked(self, mode: str, user: str, *paths: str) -> AbstractContextManager[None]:
        """The storage's lock with a request's paths, for our own methods."""
        named = dict(zip(("path", "to_path"), paths, strict=False))
        lock: AbstractContextManager[None] = self._storage.acquire_lock(
            mode, user, request=request.current().method, actor=user, **named
        )
        return lock

    def _own(self, handler: Handler, fallback: str, arguments: tuple[Any, ...]) -> Any:
        environ, base_prefix, path, user, _groups, _info = arguments
        if not user:
            return httputils.NOT_ALLOWED
        call = call_of(self, environ, base_prefix, path, user)
        try:
            reply = handler(call)
        except (BadXml, ShortBody) as error:
            return replies.bad_request(type(error).__name__)
        except (NotFound, NotPermitted):
            # Access was taken back while the request ran: nothing of it has happened.
            return replies.need_privileges(call.absolute(path))
        if reply is None:
            environ["wsgi.input"] = io.BytesIO(call.request.data)
            reply = getattr(super(), fallback)(*arguments)
        return reply

    def do_PUT(self, *arguments: Any) -> Any:
        """Manage PUT request."""
        return self._own(put, "do_PUT", arguments)

    def do_DELETE(self, *arguments: Any) -> Any:
        """Manage DELETE request."""
        return self._own(delete, "do_DELETE", arguments)

    def do_MOVE(self, *arguments: Any) -> Any:
        """Manage MOVE request."""
        return self._own(move, "do_MOVE", arguments)

    def do_MKCALENDAR(self, *arguments: Any) -> Any:
        """Manage MKCALENDAR request."""
        return self._own(mkcalendar, "do_MKCALENDAR", arguments)

    def do_MKCOL(self, *arguments: Any) -> Any:
        """Manage MKCOL request."""
        return self._own(mkcol, "do_MKCOL", arguments)

    def do_PROPPATCH(self, *arguments: Any) -> Any:
        """Manage PROPPATCH request."""
        return self._own(proppatch, "do_PROPPATCH", arguments)

    def do_PROPFIND(self, *arguments: Any) -> Any:
        """Manage PROPFIND request."""
        return self._own(propfind, "do_PROPFIND", arguments)

    def do_REPORT(self, *arguments: Any) -> Any:
        """Manage REPORT request."""
        return self._own(report, "do_REPORT", arguments)

    def do_GET(self, *arguments: Any) -> Any:
        """Manage GET request: Radicale's, with 304 and without its set-up file of its own product."""
        environ, _base_prefix, path, *_rest = arguments
        if path == "/.mobileconfig":
            return replies.not_found()
        status, headers, answer, xml_request = super().do_GET(*arguments)
        etag = dict(headers).get("ETag", "")
        if status == client.OK and etag and conditions.not_modified(environ, etag):
            return replies.empty(client.NOT_MODIFIED, {"ETag": etag})
        return status, headers, answer, xml_request

    def do_OPTIONS(self, *arguments: Any) -> Any:
        """Manage OPTIONS request."""
        return client.OK, {"Allow": _METHODS, "DAV": replies.DAV}, b"", None

    def do_POST(self, *arguments: Any) -> Any:
        """Sharing and Radicale's own pages are not offered."""
        return httputils.METHOD_NOT_ALLOWED


def _prepare(environ: dict[str, Any], limit: int) -> int | None:
    """Make the request what Radicale expects, or the status it is refused with.

    Radicale fails with 500 on a malformed Authorization or Content-Length, leaves the size to its own
    server, reads no chunked body and takes the path as text while WSGI gives bytes in latin-1 (PEP 3333).
    """
    environ.pop(DATABASE_VARIABLE, None)  # granian copies the process's environment into every request
    for key in ("PATH_INFO", "HTTP_DESTINATION"):
        decoded = _decoded(environ.get(key, ""))
        if decoded is None:
            return client.BAD_REQUEST
        environ[key] = decoded
    if not environ["HTTP_DESTINATION"]:
        del environ["HTTP_DESTINATION"]
    if not _readable_authorization(environ.get("HTTP_AUTHORIZATION", "")):
        del environ["HTTP_AUTHORIZATION"]
    length = environ.get("CONTENT_LENGTH") or ""
    if length and not (length.isascii() and length.isdigit()):
        return client.BAD_REQUEST
    if limit and length and int(length) > limit:
        return client.REQUEST_ENTITY_TOO_LARGE
    if not length and "chunked" in environ.get("HTTP_TRANSFER_ENCODING", "").lower():
        data = _read_at_most(environ["wsgi.input"], limit)
        if data is None:
            return client.REQUEST_ENTITY_TOO_LARGE
        environ["wsgi.input"], environ["CONTENT_LENGTH"] = io.BytesIO(data), str(len(data))
    return None


def _decoded(value: str) -> str | None:
    """A header's or path's bytes as UTF-8; as it is if the server has decoded it already."""
    try:
        raw = value.encode("latin-1")
    except UnicodeEncodeError:
        return value
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _readable_authorization(value: str) -> bool:
    if not value.startswith("Basic"):
        return True
    try:
        return b":" in b64decode(value[len("Basic") :].strip().encode("ascii"))
    except ValueError:
        return False


def _read_at_most(stream: Any, limit: int) -> bytes | None:
    parts: list[bytes] = []
    size = 0
    while part := stream.read(65536):
        size += len(part)
        if limit and size > limit:
            return None
        parts.append(part)
    return b"".join(parts)


def _refused(environ: dict[str, Any], status: int) -> tuple[str, Headers, Iterable[bytes]]:
    """What ``_prepare`` refuses; an upload that is too large by its condition (RFC 4791 5.3.2.1)."""
    if status == client.REQUEST_ENTITY_TOO_LARGE and environ.get("REQUEST_METHOD") == "PUT":
        path = environ.get("SCRIPT_NAME", "") + environ["PATH_INFO"]
        agent = environ.get("HTTP_USER_AGENT", "")
        code, headers, body, _ = replies.unfit(agent, path, status, "C:max-resource-size")
        return _whole(code, headers, body or b"")
    return _plain(status)


def _plain(status: int) -> tuple[str, Headers, Iterable[bytes]]:
    headers = {"Content-Type": "text/plain; charset=utf-8"}
    if status == client.SERVICE_UNAVAILABLE:
        headers["Retry-After"] = RETRY_AFTER
    return _whole(status, headers, f"{client.responses[status]}.\n".encode())


def _whole(status: int, headers: dict[str, str], body: bytes) -> tuple[str, Headers, Iterable[bytes]]:
    fields = [*headers.items(), ("Content-Length", str(len(body)))]
    return f"{int(status)} {client.responses[status]}", fields, [body]


def _corrected(status: str, headers: Headers) -> Headers:
    """Clients must not remember the way to a server for ever, nor caches anybody's events."""
    known = {name.lower() for name, _ in headers}
    if "cache-control" not in known:
        headers = [
            *headers,
            ("Cache-Control", "no-cache" if status.startswith("301") else "private, no-cache"),
        ]
    if status.startswith("401") and "dav" not in known:
        headers = [*headers, ("DAV", replies.DAV)]
    return headers
