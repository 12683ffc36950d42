"""Start both servers over the same appointments, measure, print a table."""

from __future__ import annotations

import argparse
import contextlib
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench import content, report
from bench.measure import CLIENTS, Times, many_clients, one_client
from bench.operations import Operation, Side, operations
from tests.private_postgresql import Cluster
from tests.processes import free_port, running
from tests.sync_client import CalendarCopy

BIN = Path(sys.executable).parent

STOCK_CONFIG = """\
[server]
hosts = 127.0.0.1:{port}
max_connections = 64
timeout = 1800
delay_on_error = 0
[auth]
type = htpasswd
htpasswd_filename = {folder}/users
htpasswd_encryption = plain
delay = 0
[storage]
filesystem_folder = {folder}
[logging]
level = warning
"""


def main() -> int:
    """The measurement; the exit code says whether the required ratios are kept (with ``--check``)."""
    chosen = _arguments()
    wanted = operations(chosen.events)
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        load = report.machine()
        ours = [stack.enter_context(_ours(folder, one, chosen.events)) for one in chosen.database]
        texts = _texts(ours[0])
        stock = stack.enter_context(_stock(folder / "stock", texts))
        stock.hrefs = sorted(texts)
        sides = [stock, *ours]
        names = [side.name for side in ours]
        single = one_client(sides, wanted, chosen.rounds)
        measured = [("One client", single)]
        print(report.table(*_titled(measured[-1], wanted, names)), flush=True)
        if not chosen.one:
            measured.append((f"{CLIENTS} clients at once", many_clients(sides, wanted, single)))
            print(report.table(*_titled(measured[-1], wanted, names)), flush=True)
    if chosen.page:
        tables = [report.table(*_titled(one, wanted, names)) for one in measured]
        command = " ".join(["python -m bench", *sys.argv[1:]])
        chosen.page.write_text(report.page(command, chosen.events, load, tables), "utf-8")
    good = all(
        one.good for _, times in measured for name in names for one in report.results(wanted, times, name)
    )
    return 1 if chosen.check and not good else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--events", type=int, default=10_000, help="appointments in the calendar")
    parser.add_argument("--rounds", type=int, default=3, help="measured rounds with one client")
    parser.add_argument(
        "--database",
        action="append",
        choices=("SQLite", "PostgreSQL"),
        help="ours on this one only (PostgreSQL: a private cluster); both if not given",
    )
    parser.add_argument("--one", action="store_true", help="one client only")
    parser.add_argument("--check", action="store_true", help="fail if a required ratio is not kept")
    parser.add_argument("--page", type=Path, help="write the tables to this Markdown file")
    chosen = parser.parse_args()
    chosen.database = chosen.database or ["SQLite", "PostgreSQL"]
    return chosen


def _titled(
    measured: tuple[str, Times], wanted: Sequence[Operation], names: Sequence[str]
) -> tuple[str, Sequence[Operation], Times, Sequence[str]]:
    title, times = measured
    return title, wanted, times, names


@contextlib.contextmanager
def _ours(folder: Path, engine: str, count: int) -> Iterator[Side]:
    with contextlib.ExitStack() as stack:
        database_url = f"sqlite:///{folder / 'practice.db'}"
        if engine == "PostgreSQL":
            cluster = Cluster(settings=())
            stack.callback(cluster.close)
            database_url = cluster.url(cluster.create())
        place = content.fill_database(database_url, count)
        port = free_port()
        command = [str(BIN / "radicale-practice"), "serve", "--database", database_url, "--port", str(port)]
        stack.enter_context(running(command, port, folder / f"{engine}.log"))
        side = Side(engine, port, place)
        side.hrefs = sorted(_texts(side))
        yield side


@contextlib.contextmanager
def _stock(folder: Path, texts: dict[str, str]) -> Iterator[Side]:
    folder.mkdir()
    place = content.fill_files(folder, texts)
    port = free_port()
    (folder / "users").write_text(f"{content.USER}:{content.PASSWORD}\n", "utf-8")
    (folder / "radicale.conf").write_text(STOCK_CONFIG.format(port=port, folder=folder), "utf-8")
    command = [str(BIN / "radicale"), "--config", str(folder / "radicale.conf")]
    with running(command, port, folder / "stock.log"):
        yield Side("stock", port, place)


def _texts(side: Side) -> dict[str, str]:
    """href -> text of all appointments, as our server gives them."""
    url = f"http://127.0.0.1:{side.port}{side.place.calendar}"
    copy = CalendarCopy(url, content.USER, content.PASSWORD)
    copy.refresh()
    return {href: member.text for href, member in copy.members.items()}


if __name__ == "__main__":
    sys.exit(main())
