"""Nothing of what people wrote may reach a log: a filter on Radicale's and the root logger.

Radicale logs every path (a file name may be a patient's name), what is typed as user name, whole lines that
vobject cannot parse, and tracebacks whose last line quotes data. Exceptions are named by type and place only.
"""

from __future__ import annotations

import hashlib
import logging
import re
import secrets
import traceback
from typing import Any
from urllib.parse import unquote

from radicale_practice.plugins import request

_SALT = secrets.token_bytes(16)
_OPAQUE = re.compile(
    r"(?:[0-9A-Fa-f]{16,}|[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}|o[0-9a-f]{1,15})(?:\.ics)?"
)
_FIXED = frozenset(
    {"", ".well-known", "caldav", "carddav", ".web", ".mobileconfig", "robots.txt", "favicon.ico"}
)
"""Segments that say nothing of anybody."""

_PATH = re.compile(r"((?:https?://[^/?#\s'\"]*)?)(/[^?#]*)(.*)", re.DOTALL)
_STATUS = tuple(
    re.compile(rf"( response status for )(['\"])(/.*)\2({depth} in [0-9.]+ seconds)", re.DOTALL)
    for depth in (" with depth '[^']*'", "")
)
"""What Radicale formats before it logs; with a depth it is quoted twice."""

_QUOTED = re.compile(r"(['\"])((?:https?:/)?/.*)['\"]", re.DOTALL)
_ANY_QUOTED = re.compile(r"['\"].*['\"]", re.DOTALL)
_CONTENT = ("content", "UID", "parse line", "etag", "HTTP_IF_MATCH", "header:", "filename")
"""Parts of Radicale's and vobject's message templates whose text arguments carry what clients sent."""


def install() -> None:
    """Put the filter on Radicale's logger, the root logger and its handlers; again does nothing."""
    root = logging.getLogger()
    for target in (logging.getLogger("radicale"), root, *root.handlers):
        if not any(isinstance(f, ContentFilter) for f in target.filters):
            target.addFilter(ContentFilter())


class ContentFilter(logging.Filter):
    """Rewrites each record so that it names places and types, never contents."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Always true: records are changed, not dropped."""
        if getattr(record, "content_filtered", False):
            return True
        record.content_filtered = True
        if record.exc_info:
            place = _place_of(record.exc_info[1]) if isinstance(record.exc_info, tuple) else ""
            record.exc_info, record.exc_text = None, None
            record.msg = f"{record.msg}{' [' + place.replace('%', '%%') + ']' if place else ''}"
        if record.name.startswith("vobject"):
            record.msg, record.args = "vobject could not read a line", None
            return True
        template = str(record.msg)
        if not record.args:
            record.msg, record.args = _formatted(template, record.levelno <= logging.DEBUG), None
        elif isinstance(record.args, tuple):
            strict = any(part in template for part in _CONTENT) or record.levelno <= logging.DEBUG
            record.args = tuple(_harmless(argument, strict) for argument in record.args)
        return True


def _formatted(text: str, strict: bool) -> str:
    """A message that came as a whole: Radicale quotes UIDs and rules in some at its debug level."""
    shown = masked(text)
    return _ANY_QUOTED.sub("<text>", shown) if strict and shown == text else shown


def _harmless(argument: Any, strict: bool) -> Any:
    if isinstance(argument, BaseException):
        return _place_of(argument)
    if isinstance(argument, (int, float)) or argument is None:
        return argument
    text = argument if isinstance(argument, str) else str(argument)
    if request.is_mistyped(text):
        return mask_name(text)
    if text.startswith("Traceback (most recent call last)"):
        return _frames_only(text)
    if (strict or "\n" in text) and not _PATH.fullmatch(text):
        return f"<{len(text)} characters>"
    return masked(text)


def masked(text: str) -> str:
    """``text`` with every segment of a path hidden that is neither an opaque name nor a person's home."""
    whole = _PATH.fullmatch(text)
    if whole is not None:
        return _masked_path(whole)
    status = next(filter(None, (pattern.search(text) for pattern in _STATUS)), None)
    if status is not None:
        quoted = f"{status[2]}{masked(status[3])}{status[2]}"
        return f"{text[: status.start()]}{status[1]}{quoted}{text[status.start(4) :]}"
    # Greedy to the last quote: a name may hold quotes itself.
    return _QUOTED.sub(lambda m: f"{m[1]}{masked(m[2])}{m[1]}", text)


def _masked_path(path: re.Match[str]) -> str:
    host, segments, rest = path[1], path[2].split("/"), path[3]
    shown = [
        s if s in _FIXED or (n == 1 and request.is_person(unquote(s))) else mask_name(s)
        for n, s in enumerate(segments)
    ]
    return host + "/".join(shown) + (rest[0] + mask_name(rest[1:]) if rest else "")


def mask_name(name: str) -> str:
    """An opaque file name as it is, any other as a short key that is the same until the process ends."""
    if _OPAQUE.fullmatch(name):
        return name
    return "~" + hashlib.blake2b(name.encode(errors="replace"), key=_SALT, digest_size=4).hexdigest()


def _place_of(error: BaseException | None) -> str:
    if error is None:
        return ""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {frames[-1].filename.rpartition('/')[2]}:{frames[-1].lineno}" if frames else ""
    cause = error.__cause__
    return f"{type(error).__name__}{place}{' from ' + _place_of(cause) if cause is not None else ''}"


def _frames_only(text: str) -> str:
    frames = re.findall(r'File "([^"]+)", line (\d+), in (\S+)', text)
    last = text.rstrip().rpartition("\n")[2].partition(":")[0]
    kind = last if re.fullmatch(r"[\w.]+", last) else "exception"
    where = " < ".join(f"{f.rpartition('/')[2]}:{n} {fn}" for f, n, fn in reversed(frames[-8:]))
    return f"{kind} in {where}"
