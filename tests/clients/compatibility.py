"""What caldav-server-tester finds, as comparable grades, and the table of ``docs/compatibility.md``.

``python -m tests.clients.compatibility`` writes the table anew.
"""

from __future__ import annotations

import ast
import subprocess
import sys
import tempfile
from datetime import date
from pathlib import Path

from tests.clients.servers import BIN, HERE, ROOT, Account, Served, practice_application, reference_radicale

PAGE = ROOT / "docs" / "compatibility.md"
SECONDS = 240

Grades = dict[str, str]
"""Feature -> grade, as the program names them."""

_ORDER = ("unknown", "unsupported", "broken", "ungraceful", "fragile", "quirk", "full")

_TASKS = "tasks are refused on purpose"
_JOURNALS = "journals are refused on purpose"

LOWER: dict[str, tuple[str, str]] = {
    "save-load.event.recurrences.exception.cancelled": (
        "unsupported",
        "a cancelled instance is an EXDATE on purpose, see `decisions.md`",
    ),
    "save-load.journal": ("unsupported", _JOURNALS),
    "save-load.journal.mixed-calendar": ("unknown", _JOURNALS),
    "save-load.todo": ("unsupported", _TASKS),
    "save-load.todo.mixed-calendar": ("unknown", _TASKS),
    "save-load.todo.recurrences": ("unknown", _TASKS),
    "save-load.todo.recurrences.count": ("unknown", _TASKS),
    "save-load.todo.uncomplete": ("unknown", _TASKS),
    "search.recurrences.expanded.todo": ("unknown", _TASKS),
    "search.recurrences.includes-implicit.todo": ("unknown", _TASKS),
    "search.recurrences.includes-implicit.todo.pending": ("unknown", _TASKS),
    "search.time-range.todo": ("ungraceful", _TASKS),
    "search.time-range.todo.no-dtstart": ("unknown", _TASKS),
    "search.time-range.todo.no-dtstart.no-due": ("unknown", _TASKS),
    "search.time-range.todo.old-dates": ("unknown", _TASKS),
    "search.time-range.todo.strict": ("unknown", _TASKS),
}
"""The only features in which we are below stock: by name, with the very grade and the reason."""

_ON_EVENTS = "measured on events here, on tasks with stock"

ADAPTED = {
    "create-calendar.with-supported-component-types": _ON_EVENTS,
    "search.time-range.open.end": _ON_EVENTS,
    "search.time-range.open.start": _ON_EVENTS,
    "search.time-range.open.start.duration": _ON_EVENTS,
}
"""Features that the program measures on tasks alone, and ``tester.py`` on events where there are none."""


def grades(served: Served, account: Account) -> Grades:
    """The program's findings for one account. Raises ``RuntimeError`` if it does not come to its end."""
    command = [sys.executable, str(HERE / "tester.py"), "--format", "hints", "--caldav-url", served.url]
    command += ["--caldav-username", account.user_name, "--caldav-password", account.password]
    with tempfile.TemporaryDirectory() as home:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=SECONDS,
            env={"HOME": home, "PATH": f"{BIN}:/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
        )
    if done.returncode != 0:
        raise RuntimeError(done.stderr[-4000:])
    found = ast.literal_eval(done.stdout)
    return {name: _grade(facts) for name, facts in sorted(found.items())}


def _grade(facts: dict[str, object]) -> str:
    if "support" in facts:
        return str(facts["support"])
    return "full" if facts.get("value") else "unsupported"


def surprises(reference: Grades, ours: Grades) -> dict[str, tuple[str, str]]:
    """Features whose grade is below the reference's and not as ``LOWER`` says, or no longer below it."""
    found = {}
    for name in {*reference, *LOWER}:
        stock, own = reference.get(name, "unknown"), ours.get(name, "unknown")
        expected = LOWER[name][0] if name in LOWER else None
        if (own if _is_worse(stock, own) else None) != expected:
            found[name] = (stock, own)
    return found


def _is_worse(grade: str, other: str) -> bool:
    return _ORDER.index(other) < _ORDER.index(grade)


def page(reference: Grades, ours: Grades) -> str:
    """The text of ``docs/compatibility.md``."""
    rows = []
    for name in sorted({*reference, *ours}):
        stock, own = reference.get(name, "unknown"), ours.get(name, "unknown")
        note = LOWER[name][1] if name in LOWER else ADAPTED.get(name, "")
        rows.append(f"| {name} | {stock} | {own} | {note} |")
    return _HEAD + "\n".join(rows) + "\n"


_HEAD = """\
# What caldav-server-tester finds

[caldav-server-tester](https://github.com/python-caldav/caldav-server-tester) tries a server feature by
feature. Below is what it finds on stock Radicale 3.9.0 with its file storage and on ours
(`radicale-practice`), on loopback and with the same account set-up. `make clients` runs both, on both
databases and under stock `radicale` too, and fails if one of our grades is lower than stock's and not one of
those named here with this very grade, or if this page is no longer true;
`python -m tests.clients.compatibility` writes it anew.

Tasks (VTODO) and journals (VJOURNAL) are refused on purpose: an appointment book has no place for them, and
a client that learns so keeps them elsewhere instead of losing them here. Four features that the program
measures on tasks alone are asked of events by the same code (`tests/clients/tester.py`). "unknown" is what
the program did not come to ask.

| feature | stock Radicale 3.9.0 | radicale-practice | |
|---|---|---|---|
"""


def measure(directory: Path) -> tuple[Grades, Grades]:
    """Grades of stock Radicale and of our Application on SQLite, each started for it in ``directory``."""
    (directory / "stock").mkdir()
    (directory / "ours").mkdir()
    with reference_radicale(directory / "stock") as stock:
        reference = grades(stock, stock.account("practitioner"))
    database = f"sqlite:///{directory / 'ours' / 'practice.db'}"
    with practice_application(directory / "ours", database, date.today()) as ours:
        return reference, grades(ours, ours.account("practitioner"))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        PAGE.write_text(page(*measure(Path(folder))), "utf-8")
