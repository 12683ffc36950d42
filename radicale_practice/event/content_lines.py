"""Content lines and components from a client's bytes, each line with its raw text (RFC 5545 3.1, 3.4, 3.6).

The raw text of a line is kept as received, folds included, so that it can be sent back word for word.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from radicale_practice.event.errors import InvalidCalendarData, TooLarge

MAX_BYTES = 4 * 1024 * 1024
"""Larger bodies are refused; a picture inside an event is far below."""

MAX_LINES = 100_000
MAX_DEPTH = 6

_LINE_END = re.compile(rb"\r\n|\n|\r")
_NAME = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)?")
_PARAMETER = re.compile(r';([A-Za-z0-9_-]+)=((?:"[^"]*"|[^":;,]*)(?:,(?:"[^"]*"|[^":;,]*))*)')
_LENIENT_PARAMETER = re.compile(r";([A-Za-z0-9_-]+)(?:=([^;:\"]*))?")
_UNWANTED = re.compile("[\x01-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff]")
"""What XML 1.0 cannot carry: a multiget with it would be unreadable as a whole."""


@dataclass(slots=True)
class Line:
    """One content line. ``raw`` has no final line end; ``value`` is unfolded, nothing unescaped."""

    name: str
    parameters: tuple[tuple[str, str], ...]
    value: str
    raw: str
    number: int

    def parameter(self, name: str) -> str | None:
        """The value of a parameter without its quotes, None if it is not there."""
        for key, value in self.parameters:
            if key == name:
                return value.strip('"')
        return None


@dataclass(slots=True)
class Component:
    """A component; ``items`` are its lines and components in their order, ``begin`` and ``end`` its frame."""

    name: str
    begin: Line
    end: Line
    items: list[Line | Component] = field(default_factory=list)

    @property
    def lines(self) -> list[Line]:
        """Its own content lines."""
        return [item for item in self.items if isinstance(item, Line)]

    @property
    def components(self) -> list[Component]:
        """The components directly inside."""
        return [item for item in self.items if isinstance(item, Component)]

    def all(self, name: str) -> list[Line]:
        """All lines of that property."""
        return [item for item in self.items if isinstance(item, Line) and item.name == name]

    def first(self, name: str) -> Line | None:
        """The first line of that property."""
        for item in self.items:
            if isinstance(item, Line) and item.name == name:
                return item
        return None

    def walk(self) -> Iterator[Line]:
        """Every content line inside, frames included, in order."""
        yield self.begin
        for item in self.items:
            if isinstance(item, Line):
                yield item
            else:
                yield from item.walk()
        yield self.end

    @property
    def raw(self) -> str:
        """The component's text, lines joined by CRLF, without a final line end."""
        return "\r\n".join(line.raw for line in self.walk())


def parse(data: bytes) -> Component:
    """The one VCALENDAR in ``data``.

    Tolerates a UTF-8 byte order mark, CRLF, LF or CR as line ends, empty lines, lines of any length, and
    folds inside a UTF-8 sequence (such a line is folded anew). Control characters that XML cannot carry
    are taken out. Raises ``TooLarge`` or ``InvalidCalendarData`` with the line's number.
    """
    if len(data) > MAX_BYTES:
        raise TooLarge(f"larger than {MAX_BYTES} bytes")
    root: Component | None = None
    stack: list[Component] = []
    for line in _lines(data):
        if root is not None and not stack:
            raise InvalidCalendarData("text after the end of the calendar", line.number)
        if line.name in ("BEGIN", "END") and line.parameters:
            raise InvalidCalendarData("BEGIN or END with parameters", line.number)
        if line.name == "BEGIN":
            component = Component(line.value.strip().upper(), line, line)
            if stack:
                stack[-1].items.append(component)
            elif component.name == "VCALENDAR":
                root = component
            else:
                raise InvalidCalendarData("does not begin with a VCALENDAR", line.number)
            stack.append(component)
            if len(stack) > MAX_DEPTH:
                raise InvalidCalendarData("components too deep inside each other", line.number)
        elif line.name == "END":
            if not stack or stack[-1].name != line.value.strip().upper():
                raise InvalidCalendarData("END without its BEGIN", line.number)
            stack.pop().end = line
        elif stack:
            stack[-1].items.append(line)
        else:
            raise InvalidCalendarData("does not begin with a VCALENDAR", line.number)
    if root is None or stack:
        raise InvalidCalendarData("no complete VCALENDAR")
    return root


def parse_line(raw: str, number: int = 0) -> Line:
    """One content line from its text (folded or not). Raises ``InvalidCalendarData``."""
    text = unfolded(raw)
    name = _NAME.match(text)
    if name is None:
        raise InvalidCalendarData("no property name", number)
    parameters, position = _parameters(text, name.end(), _PARAMETER)
    if text[position : position + 1] != ":":
        parameters, position = _parameters(text, name.end(), _LENIENT_PARAMETER)
    if text[position : position + 1] != ":":
        raise InvalidCalendarData("no colon after the property's name", number)
    return Line(name.group().upper(), parameters, text[position + 1 :], raw, number)


def _parameters(
    text: str, position: int, pattern: re.Pattern[str]
) -> tuple[tuple[tuple[str, str], ...], int]:
    found: list[tuple[str, str]] = []
    while match := pattern.match(text, position):
        found.append((match.group(1).upper(), match.group(2) or ""))
        position = match.end()
    return tuple(found), position


def _lines(data: bytes) -> Iterator[Line]:
    if data.startswith(b"\xef\xbb\xbf"):
        data = data[3:]
    if b"\0" in data:
        raise InvalidCalendarData("binary data", data.count(b"\n", 0, data.index(b"\0")) + 1)
    physical = _LINE_END.split(data)
    if len(physical) > MAX_LINES:
        raise TooLarge(f"more than {MAX_LINES} lines")
    start = 0
    while start < len(physical):
        end = start + 1
        while end < len(physical) and physical[end][:1] in (b" ", b"\t"):
            end += 1
        folded = physical[start:end]
        number = start + 1
        start = end
        raw = _decode(folded, number)
        if raw.strip():
            yield parse_line(raw, number)


def _decode(folded: list[bytes], number: int) -> str:
    """The text of one content line; folds inside a character are made anew."""
    try:
        if len(folded) > 1:
            try:
                raw = "\r\n".join([part.decode() for part in folded])
            except UnicodeDecodeError:
                raw = fold_line((folded[0] + b"".join(part[1:] for part in folded[1:])).decode())
        else:
            raw = folded[0].decode()
    except UnicodeDecodeError:
        raise InvalidCalendarData("not UTF-8", number) from None
    return _UNWANTED.sub("", raw)


def unfolded(raw: str) -> str:
    """Text with its folds taken out: of one line, or of many (RFC 5545 3.1)."""
    return raw.replace("\r\n ", "").replace("\r\n\t", "") if "\r\n" in raw else raw


def fold_line(text: str) -> str:
    """``text`` folded at 75 octets, never inside a character (RFC 5545 3.1)."""
    size = len(text)
    if size <= 75 and (size <= 18 or text.isascii()):
        return text
    data = text.encode()
    if len(data) <= 75:
        return text
    parts: list[str] = []
    start, room = 0, 75
    while start < len(data):
        end = min(start + room, len(data))
        while end < len(data) and data[end] & 0xC0 == 0x80:
            end -= 1
        parts.append(data[start:end].decode())
        start, room = end, 74
    return "\r\n ".join(parts)


def clean_text(text: str) -> str:
    """``text`` with line ends as ``\\n`` and without characters that XML cannot carry."""
    if text.isprintable():
        return text
    return _UNWANTED.sub("", text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", ""))
