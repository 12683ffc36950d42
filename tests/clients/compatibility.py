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

_TASKS = "tasks and journals are refused on purpose"
_ON_TASKS = "measured on tasks only, which are refused; events are measured in `make clients`"

ON_PURPOSE = {
    "create-calendar.with-supported-component-types": _TASKS,
    "search.time-range.open.end": _ON_TASKS,
    "search.time-range.open.start": _ON_TASKS,
    "search.time-range.open.start.duration": _ON_TASKS,
    "save-load.event.recurrences.exception.cancelled": "a cancelled instance is an EXDATE here, on purpose",
}
"""Features in which we differ from stock by decision, and why; beside those of tasks and journals."""


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


def worse(reference: Grades, ours: Grades) -> dict[str, tuple[str, str]]:
    """Features with a lower grade than the reference, but for those where that is on purpose."""
    found = {}
    for name, grade in reference.items():
        other = ours.get(name, "unknown")
        if _is_worse(grade, other) and not _reason(name):
            found[name] = (grade, other)
    return found


def _is_worse(grade: str, other: str) -> bool:
    return _ORDER.index(other) < _ORDER.index(grade)


def _reason(feature: str) -> str:
    if {"todo", "journal"} & set(feature.split(".")):
        return _TASKS
    return ON_PURPOSE.get(feature, "")


def page(reference: Grades, ours: Grades) -> str:
    """The text of ``docs/compatibility.md``."""
    rows = []
    for name in sorted({*reference, *ours}):
        stock, own = reference.get(name, "unknown"), ours.get(name, "unknown")
        rows.append(f"| {name} | {stock} | {own} | {_reason(name) if _is_worse(stock, own) else ''} |")
    return _HEAD + "\n".join(rows) + "\n"


_HEAD = """\
# What caldav-server-tester finds

[caldav-server-tester](https://github.com/python-caldav/caldav-server-tester) tries a server feature by
feature. Below is what it finds on stock Radicale 3.9.0 with its file storage and on ours
(`radicale-practice`), on loopback and with the same account set-up. `make clients` runs both and fails if
one of our grades is lower than stock's, or if this page is no longer true;
`python -m tests.clients.compatibility` writes it anew.

Tasks (VTODO) and journals (VJOURNAL) are refused on purpose: an appointment book has no place for them, and
a client that learns so keeps them elsewhere instead of losing them here. The other grades that are lower on
purpose have their reason beside them.

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
