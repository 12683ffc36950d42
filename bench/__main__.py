"""Start both servers over the same appointments, measure, print a table."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from bench import content
from bench.measure import CLIENTS, Result, many_clients, one_client
from bench.operations import Side, operations
from tests.processes import free_port, running
from tests.sync_client import CalendarCopy

BIN = Path(sys.executable).parent

STOCK_CONFIG = """\
[server]
hosts = 127.0.0.1:{port}
max_connections = 64
timeout = 300
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
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--events", type=int, default=10_000, help="appointments in the calendar")
    parser.add_argument("--rounds", type=int, default=3, help="measured rounds with one client")
    parser.add_argument("--database", help="URL of an empty database for ours; SQLite if not given")
    parser.add_argument("--one", action="store_true", help="one client only")
    parser.add_argument("--check", action="store_true", help="fail if a required ratio is not kept")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        database_url = chosen.database or f"sqlite:///{folder / 'practice.db'}"
        ours = stack.enter_context(_ours(folder, database_url, chosen.events))
        texts = _texts(ours)
        ours.hrefs = sorted(texts)
        stock = stack.enter_context(_stock(folder / "stock", texts))
        stock.hrefs = ours.hrefs
        single = one_client(stock, ours, operations(chosen.events), chosen.rounds)
        _print("one client", single)
        group = [] if chosen.one else many_clients(stock, ours, single)
        if group:
            _print(f"{CLIENTS} clients at once, time of the group for one request", group)
    _explain(chosen.events, database_url)
    return 1 if chosen.check and not all(result.good for result in single + group) else 0


@contextlib.contextmanager
def _ours(folder: Path, database_url: str, count: int) -> Iterator[Side]:
    place = content.fill_database(database_url, count)
    port = free_port()
    command = [str(BIN / "radicale-practice"), "serve", "--database", database_url, "--port", str(port)]
    with running(command, port, folder / "ours.log"):
        yield Side("ours", port, place)


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


def _print(title: str, results: Sequence[Result]) -> None:
    print(f"\n{title}")
    print(f"{'request':<24}{'stock ms':>12}{'ours ms':>12}{'ours/stock':>12}{'at most':>10}")
    for one in results:
        limit = "1/100" if one.operation.limit < 1 else "< 1"
        mark = "" if one.good else "   missed"
        print(
            f"{one.operation.name:<24}{one.stock * 1000:>12.2f}{one.ours * 1000:>12.2f}"
            f"{one.ratio:>12.4f}{limit:>10}{mark}"
        )


def _explain(count: int, database_url: str) -> None:
    print(
        f"\n{count} appointments in one calendar; medians after a warm-up round, both servers in turn."
        f"\nstock: radicale 3.9.0, file storage, its own server (HTTP/1.0, a connection for each request)."
        f"\nours: radicale-practice serve, {urlsplit(database_url).scheme}, two workers, keep-alive."
        f"\nSame client, no compression, loopback, {os.cpu_count()} processors."
    )


if __name__ == "__main__":
    sys.exit(main())
