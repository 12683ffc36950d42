"""A small CalDAV client that keeps a copy of one calendar by sync tokens (RFC 6578) and multiget.

It is "the other side" for the real clients and the simulated client of the soak tests.
"""

from __future__ import annotations

import base64
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, unquote, urlsplit
from xml.sax.saxutils import escape

import requests

DAV = "{DAV:}"
CALDAV = "{urn:ietf:params:xml:ns:caldav}"
MULTIGET_SIZE = 50
SECONDS = 60


def _session() -> requests.Session:
    """A session that looks at no proxy settings and no password file of this machine."""
    session = requests.Session()
    session.trust_env = False
    return session


class Refused(Exception):
    """The server answered a request with a status that is no success."""

    def __init__(self, status: int, body: str = ""):
        super().__init__(f"HTTP {status} {body[:300]}")
        self.status = status
        self.body = body


@dataclass(frozen=True)
class Member:
    """One object of a calendar as last read."""

    etag: str
    text: str

    @property
    def uid(self) -> str:
        """The UID, from the text."""
        return uid_of(self.text)


@dataclass
class CalendarCopy:
    """A copy of the calendar at ``url`` (absolute, ends in a slash), by href (last segment, decoded)."""

    url: str
    user_name: str
    password: str
    token: str = ""
    members: dict[str, Member] = field(default_factory=dict)
    session: requests.Session = field(default_factory=_session)

    def refresh(self) -> None:
        """Bring the copy up to date. A refused token starts afresh, as RFC 6578 3.2 wants."""
        try:
            changed, removed, token = self._sync()
        except Refused as error:
            if "valid-sync-token" not in error.body:
                raise
            self.token = ""
            changed, _, token = self._sync()
            removed = set(self.members) - set(changed)
        for href in removed:
            self.members.pop(href, None)
        wanted = [
            href
            for href, etag in changed.items()
            if href not in self.members or self.members[href].etag != etag
        ]
        for href, member in self.read(wanted).items():
            if member is None:
                self.members.pop(href, None)
            else:
                self.members[href] = member
        self.token = token

    def by_uid(self, uid: str) -> str | None:
        """The text of the object with that UID in the copy, or None."""
        return next((m.text for m in self.members.values() if m.uid == uid), None)

    def href_of(self, uid: str) -> str:
        """The href of the object with that UID in the copy. Raises ``KeyError``."""
        for href, member in self.members.items():
            if member.uid == uid:
                return href
        raise KeyError(uid)

    def texts(self) -> dict[str, str]:
        """UID -> text of the whole copy."""
        return {member.uid: member.text for member in self.members.values()}

    def listing(self) -> dict[str, str]:
        """href -> ETag by PROPFIND Depth 1, without touching the copy."""
        body = '<propfind xmlns="DAV:"><prop><getetag/></prop></propfind>'
        own = urlsplit(self.url).path.rstrip("/")
        found: dict[str, str] = {}
        for path, properties, _ in self._multistatus("PROPFIND", body, {"Depth": "1"})[0]:
            if unquote(path).rstrip("/") != unquote(own) and properties.get(f"{DAV}getetag"):
                found[_last_segment(path)] = properties[f"{DAV}getetag"]
        return found

    def read(self, hrefs: Iterable[str]) -> dict[str, Member | None]:
        """href -> object by calendar-multiget, None for one that is not there (any more)."""
        wanted = list(hrefs)
        found: dict[str, Member | None] = {}
        base = urlsplit(self.url).path
        for start in range(0, len(wanted), MULTIGET_SIZE):
            batch = wanted[start : start + MULTIGET_SIZE]
            lines = "".join(f"<D:href>{escape(base + quote(href))}</D:href>" for href in batch)
            body = (
                '<C:calendar-multiget xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav">'
                f"<D:prop><D:getetag/><C:calendar-data/></D:prop>{lines}</C:calendar-multiget>"
            )
            for path, properties, status in self._multistatus("REPORT", body, {"Depth": "1"})[0]:
                text = properties.get(f"{CALDAV}calendar-data")
                gone = status == 404 or text is None
                etag = properties.get(f"{DAV}getetag", "")
                found[_last_segment(path)] = None if gone or text is None else Member(etag, text)
        return found

    def put(self, href: str, text: str, *, etag: str | None = None, new: bool = False) -> str | None:
        """PUT one object; the ETag of the reply, or None. Raises ``Refused``."""
        headers = {"Content-Type": "text/calendar; charset=utf-8"}
        if etag:
            headers["If-Match"] = etag
        if new:
            headers["If-None-Match"] = "*"
        return self._request("PUT", href, text.encode(), headers).headers.get("ETag")

    def delete(self, href: str, etag: str | None = None) -> None:
        """DELETE one object. Raises ``Refused``."""
        self._request("DELETE", href, None, {"If-Match": etag} if etag else {})

    def move(self, href: str, calendar_url: str) -> None:
        """MOVE one object to another calendar, under the same name. Raises ``Refused``."""
        self._request("MOVE", href, None, {"Destination": calendar_url + quote(href)})

    def _sync(self) -> tuple[dict[str, str], set[str], str]:
        body = (
            f'<sync-collection xmlns="DAV:"><sync-token>{escape(self.token)}</sync-token>'
            "<sync-level>1</sync-level><prop><getetag/></prop></sync-collection>"
        )
        responses, token = self._multistatus("REPORT", body, {})
        changed: dict[str, str] = {}
        removed: set[str] = set()
        for path, properties, status in responses:
            if status == 404:
                removed.add(_last_segment(path))
            elif properties.get(f"{DAV}getetag"):
                changed[_last_segment(path)] = properties[f"{DAV}getetag"]
        return changed, removed, token

    def _multistatus(
        self, method: str, body: str, headers: Mapping[str, str]
    ) -> tuple[list[tuple[str, dict[str, str], int]], str]:
        all_headers = {"Content-Type": "application/xml; charset=utf-8", **headers}
        answer = self._request(method, "", body.encode(), all_headers)
        if answer.status_code != 207:
            raise Refused(answer.status_code, answer.text)
        root = ElementTree.fromstring(answer.content)
        responses = []
        for response in root.findall(f"{DAV}response"):
            path = response.findtext(f"{DAV}href", "")
            status = response.findtext(f"{DAV}status", "")
            properties = {
                element.tag: element.text or ""
                for propstat in response.findall(f"{DAV}propstat")
                if " 200 " in propstat.findtext(f"{DAV}status", "") + " "
                for element in propstat.findall(f"{DAV}prop/*")
            }
            responses.append((path, properties, int(status.split()[1]) if status else 200))
        return responses, root.findtext(f"{DAV}sync-token", "")

    def _request(
        self, method: str, href: str, body: bytes | None, headers: Mapping[str, str]
    ) -> requests.Response:
        answer = self.session.request(
            method,
            self.url + quote(href),
            data=body,
            headers={"Authorization": f"Basic {self._credentials()}", **headers},
            timeout=SECONDS,
        )
        if answer.status_code >= 300:
            raise Refused(answer.status_code, answer.text)
        return answer

    def _credentials(self) -> str:
        """In UTF-8 (RFC 7617), as all clients of today send them."""
        return base64.b64encode(f"{self.user_name}:{self.password}".encode()).decode()


def uid_of(text: str) -> str:
    """The first UID of a calendar object's text (unfolded, RFC 5545 3.1), or an empty string."""
    match = re.search(r"^UID[^:\r\n]*:(.*?)\r?$", re.sub(r"\r?\n[ \t]", "", text), re.MULTILINE)
    return match.group(1) if match else ""


def _last_segment(path: str) -> str:
    return unquote(path.rstrip("/").rsplit("/", 1)[-1])
