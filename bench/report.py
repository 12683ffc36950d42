"""The result as Markdown tables, for the terminal and for ``docs/bench.md``."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from bench.measure import CLIENTS, Result, Times
from bench.operations import Operation

HEAD = """\
# Beside stock Radicale

`make bench` starts stock Radicale 3.9.0 with its file storage and `radicale-practice serve` on SQLite and
on PostgreSQL over the same appointments, sends each the same requests in turn, and fails if a required
ratio is missed. What follows was written by `{command}`.

{machine}
"""

NOTES = """
{count} appointments in one calendar. Milliseconds, medians after a warm-up round, all servers in turn, and
our time over stock's. The same client for all, no compression, loopback.

- stock: radicale 3.9.0, file storage, its own server (HTTP/1.0, a connection for each request)
- ours: `radicale-practice serve`, two workers, keep-alive; PostgreSQL with its own defaults, fsync on
- with {clients} clients: time of the whole group divided by its requests
"""


def results(wanted: Sequence[Operation], times: Times, ours: str) -> list[Result]:
    """Each operation on stock and on the server named ``ours``."""
    return [Result(one, times[one.name, "stock"], times[one.name, ours]) for one in wanted]


def table(title: str, wanted: Sequence[Operation], times: Times, ours: Sequence[str]) -> str:
    """One Markdown table; a ratio that is missed is marked."""
    columns = ["request", "stock", *(word for name in ours for word in (name, "ratio")), "at most"]
    lines = [f"## {title}", "", _row(columns), _row(["---", *["---:"] * (len(columns) - 1)])]
    found = {name: results(wanted, times, name) for name in ours}
    for number, operation in enumerate(wanted):
        cells = [operation.name, f"{times[operation.name, 'stock'] * 1000:.1f}"]
        for name in ours:
            one = found[name][number]
            cells += [f"{one.ours * 1000:.1f}", f"{one.ratio:.4f}{'' if one.good else ' MISSED'}"]
        lines.append(_row([*cells, "1/100" if operation.limit < 1 else "< 1"]))
    return "\n".join(lines) + "\n"


def page(command: str, count: int, machine: str, tables: Sequence[str]) -> str:
    """The whole page; ``machine`` as it was before the measurement."""
    head = HEAD.format(command=command, machine=machine)
    return "\n".join([head, *tables]) + NOTES.format(count=f"{count:,}", clients=CLIENTS)


def machine() -> str:
    """Day, processor, system and Python of this measurement."""
    return (
        f"{date.today():%d %B %Y}: {os.cpu_count()} processors ({_processor()}), {_system()},"
        f" Python {platform.python_version()}, load of other programs {os.getloadavg()[2]:.1f}."
    )


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    text = information.read_text("utf-8") if information.exists() else ""
    names = [line.partition(":")[2].strip() for line in text.splitlines() if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _system() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except OSError:
        return platform.system()


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
