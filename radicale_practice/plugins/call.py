"""One call of a method of our Application, without Radicale's seven arguments."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from radicale import httputils

from radicale_practice.plugins import request, xml
from radicale_practice.plugins.home import Home
from radicale_practice.plugins.request import Request
from radicale_practice.practice.database import Database, UnitOfWork


class ShortBody(ValueError):
    """The body ended before its Content-Length."""


@dataclass(slots=True)
class Call:
    """A method called on a sanitized, unquoted ``path`` by the signed-in ``user`` (a path component)."""

    application: Any
    environ: dict[str, Any]
    base_prefix: str
    path: str
    user: str
    database: Database
    max_resource_size: int
    request: Request

    @property
    def method(self) -> str:
        """The HTTP method."""
        return self.request.method

    def absolute(self, path: str) -> str:
        """A path as the client sees it, behind a proxy's prefix."""
        return self.base_prefix + path

    def calendar(self, segment: str) -> str:
        """The absolute path of one of the user's calendars, with which those of its events begin."""
        return self.absolute(f"/{self.user}/{segment}/")

    def body(self) -> bytes:
        """The body's bytes. Raises ``ShortBody``."""
        if not self.request.data:
            try:
                httputils.read_raw_request_body(self.application.configuration, self.environ)
            except RuntimeError as error:
                raise ShortBody("short body") from error
        return self.request.data

    def document(self, root: str = "") -> ET.Element | None:
        """The body as XML, None if it is empty; ``root``: the element it has to be, such as ``"D:mkcol"``.

        Raises ``xml.BadXml``, ``ShortBody``.
        """
        document = xml.parse(self.body())
        if root and document is not None and document.tag != xml.clark(root):
            raise xml.BadXml(f"not {root}")
        return document

    def home(self) -> Home:
        """The viewer's practice and calendars."""
        return self.request.require_home(self.database)

    @contextmanager
    def reading(self) -> Iterator[UnitOfWork]:
        """A unit that only reads."""
        with self.application.locked("r", self.user):
            yield self.request.require_unit()

    @contextmanager
    def writing(self, *more_paths: str) -> Iterator[UnitOfWork]:
        """A unit that may write to this call's path and ``more_paths``."""
        with self.application.locked("w", self.user, self.path, *more_paths):
            yield self.request.require_unit()


def call_of(application: Any, environ: dict[str, Any], base_prefix: str, path: str, user: str) -> Call:
    """The call behind one of Radicale's ``do_…``."""
    return Call(
        application=application,
        environ=environ,
        base_prefix=base_prefix,
        path=path,
        user=user,
        database=application.database,
        max_resource_size=application.max_resource_size,
        request=request.current(),
    )
