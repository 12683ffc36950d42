"""One line for each change that comes in or goes out, for a person watching the demonstration.

Names of the invented patients appear here and nowhere else; nothing of this goes into a log.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from radicale_practice.practice.database import Database, translated_errors
from radicale_practice.practice.errors import PracticeError
from radicale_practice.practice.projections import Practice
from radicale_practice.practice.records.journal_list import Entry, entries, newest
from radicale_practice.practice.records.journal_text import line

logger = logging.getLogger(__name__)

POLL_SECONDS = 1.0


def follow(
    database: Database, practice: Practice, stop: threading.Event, show: Callable[[str], None]
) -> None:
    """Show a line for each change from now on, until ``stop`` is set.

    A database away is waited for; whatever else goes wrong is logged by its class, and the watching goes on.
    """
    seen: int | None = None
    while not stop.is_set():
        try:
            with translated_errors(), database.read() as uow:
                if seen is None:
                    seen = newest(uow)
                found = entries(uow, practice.id, after_id=seen)
            for entry in found:
                seen = entry.id
                show(_told(entry, practice))
        except PracticeError:
            pass
        except Exception as error:
            # Contents may be in its text.
            logger.warning("live lines: %s", type(error).__name__)
        stop.wait(POLL_SECONDS)


def _told(entry: Entry, practice: Practice) -> str:
    try:
        return line(entry, practice.time_zone)
    except Exception as error:
        logger.warning("live lines: journal row %d: %s", entry.id, type(error).__name__)
        return f"{entry.at:%H:%M} UTC, a change that cannot be shown: ({type(error).__name__})"
