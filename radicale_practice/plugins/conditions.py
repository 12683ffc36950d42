"""If-Match and If-None-Match (RFC 9110 13.1), lists and ``*`` included."""

from __future__ import annotations

import re
from typing import Any

_TAG = re.compile(r'\s*(W/)?("[^"]*"|[^",\s]+)\s*(?:,|$)')


def failed(environ: dict[str, Any], etag: str | None) -> bool:
    """Whether the request's conditions forbid a write to a resource with this ETag (None: not there)."""
    match = environ.get("HTTP_IF_MATCH", "").strip()
    if match and (etag is None or (match != "*" and etag not in _strong(match))):
        return True
    none = environ.get("HTTP_IF_NONE_MATCH", "").strip()
    return bool(none) and etag is not None and (none == "*" or etag in _all(none))


def not_modified(environ: dict[str, Any], etag: str) -> bool:
    """Whether a GET may be answered with 304."""
    none = environ.get("HTTP_IF_NONE_MATCH", "").strip()
    return bool(none) and (none == "*" or etag in _all(none))


def conditional(environ: dict[str, Any]) -> bool:
    """Whether the client said which version it means."""
    return bool(environ.get("HTTP_IF_MATCH", "").strip())


def _strong(field: str) -> list[str]:
    return [_quoted(tag) for weak, tag in _TAG.findall(field) if not weak]


def _all(field: str) -> list[str]:
    return [_quoted(tag) for _, tag in _TAG.findall(field)]


def _quoted(tag: str) -> str:
    return tag if tag.startswith('"') else f'"{tag}"'
