"""The one HTTP client that both servers are measured with: it keeps the connection where the server does."""

from __future__ import annotations

import base64
import http.client
from dataclasses import dataclass

SECONDS = 1800
"""Stock Radicale reads 10,000 files for its first answer; on a busy machine that takes minutes."""
TRIES = 20


class UnexpectedAnswer(Exception):
    """A status that the measurement does not expect; the message has no more than that."""


@dataclass(frozen=True)
class Answer:
    """Status, ETag and body of a reply."""

    status: int
    etag: str
    body: bytes


class Client:
    """One connection with Basic credentials, made again after a server has closed it."""

    def __init__(self, port: int, user: str, password: str):
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
        token = base64.b64encode(f"{user}:{password}".encode()).decode()
        self._headers = {"Authorization": f"Basic {token}"}

    def request(self, method: str, path: str, body: str = "", expected: int = 207, **headers: str) -> Answer:
        """One request; header names are written with underscores. Raises ``UnexpectedAnswer``."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if body:
            named.setdefault("Content-Type", "application/xml; charset=utf-8")
        reply = self._reply(method, path, body.encode(), {**self._headers, **named})
        answer = Answer(reply.status, reply.headers.get("ETag", ""), reply.read())
        if answer.status != expected:
            raise UnexpectedAnswer(f"{method}: HTTP {answer.status} instead of {expected}")
        return answer

    def _reply(
        self, method: str, path: str, body: bytes, headers: dict[str, str]
    ) -> http.client.HTTPResponse:
        """The reply; asked for again if the connection was thrown away before it had begun.

        Stock Radicale's server lets five connections wait and resets the others.
        """
        for _ in range(TRIES):
            try:
                self._connection.request(method, path, body, headers)
                return self._connection.getresponse()
            except ConnectionError:
                self._connection.close()
        raise UnexpectedAnswer(f"{method}: no reply in {TRIES} tries")

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()
