"""What a practice may set, with good defaults; kept as JSON in ``practice.settings``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from radicale_practice.practice.errors import InvalidValue


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
    move_minutes: int = 10
    removed_days: int = 180
    journal_days: int = 3653
    journal_private_days: int = 90
    holiday_country: str = ""


def parse_settings(text: str) -> PracticeSettings:
    """Settings from the JSON of ``practice.settings``; what is unknown or of a wrong type is ignored."""
    try:
        values = json.loads(text or "{}")
    except ValueError:
        values = {}
    return _with_values(PracticeSettings(), values if isinstance(values, Mapping) else {}, strict=False)


def change_settings(settings: PracticeSettings, values: Mapping[str, Any]) -> PracticeSettings:
    """``settings`` with ``values`` set. Raises ``InvalidValue`` for an unknown name or a wrong type."""
    changed = _with_values(settings, values, strict=True)
    if changed.double_booking not in ("allow", "forbid"):
        raise InvalidValue("double_booking is 'allow' or 'forbid'")
    return changed


def dump_settings(settings: PracticeSettings) -> str:
    """JSON of the settings that differ from the defaults."""
    default = asdict(PracticeSettings())
    return json.dumps({k: v for k, v in asdict(settings).items() if v != default[k]}, ensure_ascii=False)


def _with_values(settings: PracticeSettings, values: Mapping[str, Any], strict: bool) -> PracticeSettings:
    known = {f.name: getattr(settings, f.name) for f in fields(settings)}
    accepted: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, list):
            value = tuple(str(v) for v in value)
        if name in known and type(value) is type(known[name]):
            accepted[name] = value
        elif strict:
            raise InvalidValue(f"no setting {name!r} of that type")
    return replace(settings, **accepted)
