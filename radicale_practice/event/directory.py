"""What the lens asks of the practice while it reads a title or a place."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

from radicale_practice.practice.model import Location, Patient


class Directory(Protocol):
    """Patients and locations of one practice. An upload asks each question at most once."""

    def patients_by_number(self, numbers: Collection[str]) -> Sequence[Patient]:
        """The patients with these numbers."""
        ...

    def patients_by_name(self, keys: Collection[str]) -> Sequence[tuple[str, Patient]]:
        """(key as asked, patient) for each patient whose full name has that key (``names.fold``)."""
        ...

    def locations(self) -> Sequence[Location]:
        """The practice's locations."""
        ...


class EmptyDirectory:
    """Knows nobody: for private calendars, where a title is the person's own words and nothing is noticed."""

    def patients_by_number(self, numbers: Collection[str]) -> Sequence[Patient]:
        """Nobody."""
        return ()

    def patients_by_name(self, keys: Collection[str]) -> Sequence[tuple[str, Patient]]:
        """Nobody."""
        return ()

    def locations(self) -> Sequence[Location]:
        """No place."""
        return ()
