"""Titles typed on a device: whose appointment it is, never guessed.

Separators are –, — and - (with a space beside it), : and comma, none of them directly between two digits.
A patient is recognised by number, by pseudonym (``MaMu 4711``, the initials must fit) or by exact full
name in either order, as the whole title or as a whole part of it, if exactly one patient fits and no part
names another. Marks beside a part (✅, ❗, ``!``, ``?``, ``*``) do not belong to the name; they stay.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from radicale_practice.event.directory import Directory
from radicale_practice.practice.model import Patient
from radicale_practice.practice.people.names import fold, name_keys

_SEPARATOR = re.compile(r"\s*[–—]\s*|\s+-\s*|-\s+|\s*[:,]\s*")
_PHONE = re.compile(r"(?:^|(?<=[\s,;:–—-]))(?:\(?(?:\+|00)\d|\(?0)[\d /().-]{4,24}\d$", re.ASCII)
_DATE = re.compile(
    r"(?<![\d/])(?:0?[1-9]|[12]\d|3[01])\s?([./-])\s?(?:0?[1-9]|1[0-2])\s?\1\s?(?:19|20)\d\d$", re.ASCII
)
_CLOCK = r"(?:[01]?\d|2[0-3])\.?[0-5]\d"
_FROM_TO = re.compile(rf"(?:\d{{1,2}}\.\d{{1,2}}\.(?:\d\d)*\s+)?{_CLOCK}\s?-\s?{_CLOCK}", re.ASCII)
_MARKS = frozenset("!?*\u203c\u2049\ufe0f\u200d")
_MAX_TITLE = 500
_MAX_PARTS = 12
_MAX_NUMBER = 64


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a title that might name a patient: a whole part, or two with a comma between."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Recognised:
    """The one patient a title names, and what remains of the title without that."""

    patient: Patient
    rest: str


class Titles:
    """The patients that a batch of titles can name, from at most two questions to the directory."""

    def __init__(self, directory: Directory, titles: Iterable[str]) -> None:
        numbers: set[str] = set()
        keys: set[str] = set()
        for title in titles:
            for variant in {title, split_phone(title)[0]}:
                for part in parts(variant):
                    numbers.update(_numbers(part.text))
                    keys.add(fold(part.text))
        keys.discard("")
        self._by_number = {p.number: p for p in directory.patients_by_number(numbers)} if numbers else {}
        self._by_name: dict[str, dict[int, Patient]] = {}
        for key, patient in directory.patients_by_name(keys) if keys else ():
            self._by_name.setdefault(key, {})[patient.id] = patient

    def recognise(self, title: str, names: bool = True) -> Recognised | None:
        """The patient if exactly one is named; ``names=False``: by number or pseudonym only."""
        certain: dict[int, Patient] = {}
        by_part: list[tuple[Part, set[int]]] = []
        for part in parts(title):
            patient = self._numbered(part.text)
            found = {patient.id: patient} if patient is not None else {}
            if names and not found:
                found = self._by_name.get(fold(part.text), {})
            if len(found) == 1:
                certain.update(found)
            if found:
                by_part.append((part, set(found)))
        if len(certain) != 1:
            return None
        (patient,) = certain.values()
        if any(patient.id not in ids for _, ids in by_part):
            # A number, and beside it a name of others: one of the two is a slip.
            return None
        return Recognised(patient, without(title, [part for part, _ in by_part]))

    def _numbered(self, text: str) -> Patient | None:
        patient = self._by_number.get(text)
        if patient is not None:
            return patient
        letters, _, number = text.partition(" ")
        patient = self._by_number.get(number.strip())
        return patient if patient is not None and fold(letters) == fold(initials_pair(patient)) else None


def initials_pair(patient: Patient) -> str:
    """First two letters of first and last name: the letters of a pseudonym."""
    return f"{patient.first_name[:2]}{patient.last_name[:2]}"


def names_patient(title: str, patient: Patient, shown: str = "") -> str | None:
    """What remains of ``title`` without the part that names ``patient``; None if no part does.

    ``shown``: how the patient's part looked to the one who typed; always counts as naming them.
    """
    keys = set(name_keys(patient.first_name, patient.last_name))
    pseudonym = fold(f"{initials_pair(patient)} {patient.number}")
    keys.add(pseudonym)
    if shown:
        keys.add(fold(shown))
        whole = _whole_part(title, shown)
        if whole is not None:
            return whole
    named = [part for part in parts(title) if part.text == patient.number or fold(part.text) in keys]
    return without(title, named[:1]) if named else None


def _whole_part(title: str, shown: str) -> str | None:
    """For names that hold a separator themselves: ``shown`` at the beginning or the end, as a whole part."""
    if title == shown:
        return ""
    if title.startswith(shown) and (gap := _SEPARATOR.match(title, len(shown))):
        return title[gap.end() :]
    if title.endswith(shown):
        before = title[: len(title) - len(shown)]
        gaps = [m for m in _SEPARATOR.finditer(before) if m.end() == len(before)]
        if gaps:
            return before[: gaps[-1].start()]
    return None


def split_phone(title: str) -> tuple[str, str]:
    """(title without it, phone number at its end or "").

    At least seven digits, beginning with 0 or +, and neither a date ("05.01.2027") nor hours ("08.00-09.30").
    """
    match = _PHONE.search(title) if len(title) <= _MAX_TITLE else None
    if match is None or sum(c.isdigit() for c in match.group()) < 7:
        return title, ""
    if _DATE.search(match.group()) or _FROM_TO.fullmatch(match.group()):
        return title, ""
    rest = title[: match.start()].rstrip()
    rest = re.sub(r"\s*(?:[–—,:-]|[–—,:-]?\s*\b[Tt]el(?:efon)?[.:]{0,2})$", "", rest).rstrip()
    return rest, match.group().strip()


def parts(title: str) -> list[Part]:
    """Every piece that could name a patient. Very long titles name nobody."""
    if len(title) > _MAX_TITLE:
        return []
    pieces, gaps = _split(title)
    if len(pieces) > _MAX_PARTS:
        return []
    spans: list[tuple[tuple[tuple[int, int], ...], int, int]]
    spans = [(((start, end),), start, end) for start, end in pieces]
    for index, (gap_start, gap_end) in enumerate(gaps):
        (start, middle), (after, end) = pieces[index], pieces[index + 1]
        if title[gap_start:gap_end].strip() == "," and middle > start and end > after:
            spans.append((((start, middle), (after, end)), start, end))
    if len(pieces) > 1:
        spans.append((((0, len(title)),), 0, len(title)))
    found: list[Part] = []
    for inner, start, end in spans:
        for first, last in dict.fromkeys(((start, end), _without_marks(title, start, end))):
            if last > first:
                words = (title[max(a, first) : min(b, last)] for a, b in inner)
                found.append(Part(first, last, " ".join(" ".join(words).split())))
    return found


def _without_marks(title: str, start: int, end: int) -> tuple[int, int]:
    """The span without the marks and white space at its ends."""
    while start < end and _is_mark(title[start]):
        start += 1
    while start < end and _is_mark(title[end - 1]):
        end -= 1
    return start, end


def _is_mark(character: str) -> bool:
    if character in _MARKS or character.isspace():
        return True
    kind = unicodedata.category(character)
    # Of mathematical signs the arrows only: "+43" is no mark beside a number.
    return kind in ("So", "Sk") or (kind == "Sm" and character > "\u2000")


def without(title: str, named: list[Part]) -> str:
    """``title`` without these parts and the separators that held them.

    Marks that stood beside a part go to the piece behind it, or else to the last one.
    """
    if not named:
        return title
    pieces, gaps = _split(title)
    text = ""
    marks: list[str] = []
    for index, (start, end) in enumerate(pieces):
        over = [part for part in named if part.start < end and start < part.end]
        if over:
            marks += _left_beside(title, start, end, over)
            continue
        if start == end:
            continue
        # Between two pieces that were apart, the separator in front of the second one.
        text += title[slice(*gaps[index - 1])] if text else ""
        text += " ".join([*marks, title[start:end]])
        marks = []
    return " ".join([*([text] if text else []), *marks])


def _left_beside(title: str, start: int, end: int, named: list[Part]) -> Iterator[str]:
    """What a piece holds before and behind the parts that name somebody."""
    first, last = min(part.start for part in named), max(part.end for part in named)
    for beside in (title[start:first], title[last:end]):
        if beside.strip():
            yield beside.strip()


def _split(title: str) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """(pieces, separators between them) as positions, pieces without white space around them."""
    begin = len(title) - len(title.lstrip())
    stop = len(title.rstrip())
    pieces: list[tuple[int, int]] = []
    gaps: list[tuple[int, int]] = []
    start = begin
    for match in _SEPARATOR.finditer(title, begin, stop):
        a, b = match.span()
        tight = b - a == 1
        if tight and a > 0 and b < len(title) and title[a - 1].isdigit() and title[b].isdigit():
            continue
        pieces.append((start, a))
        gaps.append((a, b))
        start = b
    pieces.append((start, max(stop, start)))
    return pieces, gaps


def _numbers(text: str) -> set[str]:
    rest = text.partition(" ")[2].strip()
    return {number for number in (text, rest) if 0 < len(number) <= _MAX_NUMBER}
