"""One line for each change that comes in or goes out, for a person watching the demonstration.

Names of the invented patients appear here and nowhere else; nothing of this goes into a log.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from radicale_practice.practice.database import Database, translated_errors
from radicale_practice.practice.errors import PracticeError
from radicale_practice.practice.journal_list import entries, newest
from radicale_practice.practice.journal_text import line
from radicale_practice.practice.projections import Practice

POLL_SECONDS = 1.0


def follow(
    database: Database, practice: Practice, stop: threading.Event, show: Callable[[str], None]
) -> None:
    """Show a line for each change from now on, until ``stop`` is set. A database away is waited for."""
    seen: int | None = None
    while not stop.is_set():
        try:
            with translated_errors(), database.read() as uow:
                if seen is None:
                    seen = newest(uow)
                found = entries(uow, practice.id, after_id=seen)
        except PracticeError:
            found = []
        for entry in found:
            show(line(entry, practice.time_zone))
            seen = entry.id
        stop.wait(POLL_SECONDS)
