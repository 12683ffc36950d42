"""What a practice may set, with good defaults; kept as JSON in ``practice.settings``."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from radicale_practice.practice.errors import InvalidValue
from radicale_practice.practice.series import holiday_countries

LONGEST_TEXT = 500
"""Characters of a setting that is a text, and of each text in a list."""

RANGES = {
    "brake_cancellations": (0, 1_000_000),
    "brake_creations": (0, 1_000_000),
    "brake_minutes": (1, 24 * 60),
    "brake_days": (1, 3660),
    "move_minutes": (0, 24 * 60),
    "removed_days": (1, 36_500),
    "journal_days": (1, 36_500),
    "journal_private_days": (1, 36_500),
}
"""The least and the greatest of the settings that are numbers."""


@dataclass(frozen=True, slots=True)
class PracticeSettings:
    """One practice's settings. Times are in the units their names say."""

    title_with_patient: str = "{patient} – {subject}"
    appointment_link: str = ""
    show_note: bool = True
    subjects: tuple[str, ...] = ()
    double_booking: str = "allow"
    private_calendars: bool = True
    attention_entry: bool = True
    brake_cancellations: int = 10
    brake_creations: int = 100
    brake_minutes: int = 10
    brake_days: int = 7
    move_minutes: int = 10
    removed_days: int = 180
    journal_days: int = 3653
    journal_private_days: int = 90
    holiday_country: str = ""
    demonstration: bool = False


@lru_cache(maxsize=256)
def parse_settings(text: str) -> PracticeSettings:
    """Settings from the JSON of ``practice.settings``; what is unknown or unfit is as by default.

    A practice program may have written them: what they say must neither break a request nor empty a journal.
    """
    try:
        values = json.loads(text or "{}")
    except ValueError:
        values = {}
    settings = PracticeSettings()
    for name, value in values.items() if isinstance(values, Mapping) else ():
        try:
            settings = _with(settings, name, value)
        except InvalidValue:
            continue
    return settings


def change_settings(settings: PracticeSettings, values: Mapping[str, Any]) -> PracticeSettings:
    """``settings`` with ``values`` set. Raises ``InvalidValue`` that says what the setting takes."""
    for name, value in values.items():
        settings = _with(settings, name, value)
    return settings


def dump_settings(settings: PracticeSettings) -> str:
    """JSON of the settings that differ from the defaults."""
    default = asdict(PracticeSettings())
    return json.dumps({k: v for k, v in asdict(settings).items() if v != default[k]}, ensure_ascii=False)


def _with(settings: PracticeSettings, name: str, value: Any) -> PracticeSettings:
    default: dict[str, Any] = {f.name: f.default for f in fields(PracticeSettings)}
    if name not in default:
        raise InvalidValue(f"there is no setting {name!r}")
    if isinstance(value, list):
        value = tuple(str(v) for v in value)
    if type(value) is not type(default[name]):
        raise InvalidValue(f"{name} is of another kind")
    if name in RANGES:
        least, greatest = RANGES[name]
        if not least <= value <= greatest:
            raise InvalidValue(f"{name} is a number from {least} to {greatest}")
    for text in (value,) if isinstance(value, str) else value if isinstance(value, tuple) else ():
        if len(text) > LONGEST_TEXT or any(unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") for c in text):
            raise InvalidValue(f"{name} has at most {LONGEST_TEXT} characters, all on one line")
    if name in _CHECKS and value != default[name]:
        _CHECKS[name](value)
    changed: dict[str, Any] = {name: value}
    return replace(settings, **changed)


def _check_title(template: str) -> None:
    if sorted(_fields_of(template)) != ["patient", "subject"]:
        raise InvalidValue(
            "title_with_patient names {patient} and {subject} once each and nothing else in braces,"
            " such as '{patient} – {subject}'"
        )
    if not template.replace("{patient}", "").replace("{subject}", "").strip():
        raise InvalidValue("title_with_patient needs something between {patient} and {subject}")


def _check_link(template: str) -> None:
    wrong = InvalidValue(
        "appointment_link is empty or an address such as https://practice.example/appointments/{id}, with"
        " nothing but {id} in braces"
    )
    try:
        address = urlsplit(template)
        host, _ = address.hostname, address.port
    except ValueError:
        raise wrong from None
    if address.scheme not in ("http", "https") or not host or "{" in address.netloc:
        raise wrong
    if _fields_of(template) not in ([], ["id"]) or re.search(r"[\s\"<>\\]", template):
        raise wrong


def _fields_of(template: str) -> list[str]:
    """What stands in braces; a brace that stands alone counts as a field that nobody knows."""
    rest = re.sub(r"\{\w+\}", "", template)
    return re.findall(r"\{(\w+)\}", template) + re.findall(r"[{}]", rest)


def _check_double_booking(value: str) -> None:
    if value not in ("allow", "forbid"):
        raise InvalidValue("double_booking is 'allow' or 'forbid'")


def _check_country(country: str) -> None:
    if not holiday_countries.is_known(country):
        raise InvalidValue("holiday_country is empty or a country, or a part of one, such as AT or DE-BY")


def _check_subjects(subjects: tuple[str, ...]) -> None:
    if not all(subject.strip() for subject in subjects):
        raise InvalidValue("subjects is a list of texts, none of them empty")


_CHECKS: dict[str, Callable[[Any], None]] = {
    "title_with_patient": _check_title,
    "appointment_link": _check_link,
    "double_booking": _check_double_booking,
    "holiday_country": _check_country,
    "subjects": _check_subjects,
}
