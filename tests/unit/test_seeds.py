"""What ``make test`` says of its seeds is true where a CI runs it as well."""

from __future__ import annotations

from hypothesis import settings


def test_a_seed_counts_under_ci_too() -> None:
    # Hypothesis would forget every seed where it sees the variable CI, and draw the same examples for ever.
    assert settings().derandomize is False
