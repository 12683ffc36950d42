"""``radicale --verify-storage``."""

from __future__ import annotations

from radicale.log import logger

from radicale_practice.plugins import request
from radicale_practice.practice.upkeep import check


def verify() -> bool:
    """Check every invariant of the database and the triggers; problems are logged by kind and id."""
    problems = check.check(request.current().require_unit())
    for problem in problems:
        logger.error("check: %s", problem)
    return not problems
