"""A calendar object as JSON, for what the burst brake holds back: ids instead of names."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from datetime import datetime
from typing import Any

from radicale_practice.practice.model import (
    Appointment,
    CalendarObject,
    Finding,
    FindingKind,
    Location,
    Patient,
    Status,
)

_TIMES = ("start", "end", "recurrence_id")
_LISTS = ("rdate", "exdate")


def dump(entry: CalendarObject) -> dict[str, Any]:
    """The object as JSON values; people and places by id only."""
    return {
        "uid": entry.uid,
        "extra": entry.extra,
        "elsewhere": [t.isoformat() for t in sorted(entry.elsewhere)],
        "appointments": [_dump(a) for a in entry.appointments],
    }


def load(values: dict[str, Any]) -> CalendarObject:
    """The object again. Patients and locations carry their id and nothing else."""
    return CalendarObject(
        uid=values["uid"],
        extra=values["extra"],
        elsewhere=frozenset(datetime.fromisoformat(t) for t in values["elsewhere"]),
        appointments=tuple(_load(a) for a in values["appointments"]),
    )


def dump_upload(desired: CalendarObject, findings: Iterable[Finding]) -> dict[str, Any]:
    """What a device wants, and what was noticed in its titles, as the parts of a held operation."""
    return {"desired": dump(desired), "findings": _dump_findings(findings)}


def _dump_findings(findings: Iterable[Finding]) -> list[dict[str, Any]]:
    return [
        {
            "kind": str(f.kind),
            "recurrence_id": f.recurrence_id.isoformat() if f.recurrence_id else None,
            "former_patient_id": f.former_patient_id,
        }
        for f in findings
    ]


def load_findings(values: Iterable[dict[str, Any]]) -> list[Finding]:
    """The findings again."""
    return [
        Finding(
            FindingKind(v["kind"]),
            datetime.fromisoformat(v["recurrence_id"]) if v["recurrence_id"] else None,
            v["former_patient_id"],
        )
        for v in values
    ]


def _dump(entry: Appointment) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for field in fields(Appointment):
        value = getattr(entry, field.name)
        if field.name in ("patient", "location"):
            found[f"{field.name}_id"] = value.id if value else None
        elif field.name in _TIMES:
            found[field.name] = value.isoformat() if value else None
        elif field.name in _LISTS:
            found[field.name] = [t.isoformat() for t in value]
        elif field.name != "room":
            found[field.name] = value
    return found


def _load(values: dict[str, Any]) -> Appointment:
    known = dict(values)
    patient_id, location_id = known.pop("patient_id"), known.pop("location_id")
    for name in _TIMES:
        known[name] = datetime.fromisoformat(known[name]) if known[name] else None
    for name in _LISTS:
        known[name] = tuple(datetime.fromisoformat(t) for t in known[name])
    known["status"] = Status(known["status"])
    known["patient"] = Patient(patient_id, "", "", "") if patient_id else None
    known["location"] = Location(location_id, "") if location_id else None
    return Appointment(**known)
