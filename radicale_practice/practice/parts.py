"""Long lists, a part at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

CHUNK = 500
"""Most values of one IN list; SQLite's oldest limit is 999."""

T = TypeVar("T")


def parts(values: Sequence[T], size: int = CHUNK) -> Iterator[Sequence[T]]:
    """The values in their order, at most ``size`` at a time; nothing of an empty list."""
    for start in range(0, len(values), size):
        yield values[start : start + size]
