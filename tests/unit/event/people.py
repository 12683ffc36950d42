"""A small practice for the lens tests: projections, patients, a directory that counts its questions."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

from radicale_practice.event.content_lines import parse
from radicale_practice.event.normal import normalise
from radicale_practice.practice.model import Access, Location, Patient, Projection, View
from radicale_practice.practice.people.names import name_keys

HUBER = Patient(1, "4711", "Maria", "Huber", "0664 1111111")
MEIER = Patient(2, "4712", "Jean-Pierre", "Dupont-Meier", "0664 2222222")
TWIN_A = Patient(3, "100", "Anna", "Gruber")
TWIN_B = Patient(4, "101", "Anna", "Gruber")
NOVAK = Patient(5, "A-17", "Zoë", "Nováková")
MITTE = Location(7, "Praxis Mitte")

FULL = Projection(10, View.FULL, Access.WRITE, "de", "Europe/Vienna")
CORPUS = Path(__file__).parents[2] / "corpus"


def view(name: View, **changes: object) -> Projection:
    """The projection of another view."""
    return replace(FULL, view=name, **changes)  # type: ignore[arg-type]


class SmallDirectory:
    """The patients above; ``questions`` counts what was asked."""

    def __init__(self, *patients: Patient) -> None:
        self._patients = patients or (HUBER, MEIER, TWIN_A, TWIN_B, NOVAK)
        self.questions: list[str] = []

    def patients_by_number(self, numbers: Collection[str]) -> Sequence[Patient]:
        self.questions.append("number")
        return [p for p in self._patients if p.number in numbers]

    def patients_by_name(self, keys: Collection[str]) -> Sequence[tuple[str, Patient]]:
        self.questions.append("name")
        return [
            (key, p) for p in self._patients for key in name_keys(p.first_name, p.last_name) if key in keys
        ]

    def locations(self) -> Sequence[Location]:
        self.questions.append("location")
        return [MITTE]


def normalised_text(data: bytes, time_zone: str) -> str:
    """``data`` in normal form as far as the text alone can tell."""
    calendar = parse(data)
    normalise(calendar, time_zone)
    return calendar.raw + "\r\n"


def corpus() -> list[Path]:
    """All uploads of the corpus."""
    return sorted(CORPUS.glob("*.ics"))
