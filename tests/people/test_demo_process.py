"""The demonstration as a program: served, described in ``accounts.json``, ended by SIGTERM."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import pty
import re
import signal
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import requests
from requests.auth import HTTPBasicAuth

from radicale_practice.practice import practices
from radicale_practice.practice.database import Database
from radicale_practice.practice.people import staff
from tests.processes import STOP_SECONDS, ServerProcess, free_port, wait_until

DEMO = [sys.executable, "-m", "radicale_practice.cli.main", "demo"]
PROPFIND = '<propfind xmlns="DAV:"><prop><displayname/></prop></propfind>'


def demo_of(tmp_path: Path, *more: str) -> tuple[ServerProcess, Path]:
    """A demonstration's process, not started yet, and its folder."""
    port, folder = free_port(), tmp_path / "demo"
    command = [*DEMO, "--directory", str(folder), "--port", str(port), "--today", "2026-11-23", *more]
    return ServerProcess(command, port, tmp_path / "log"), folder


def accounts(folder: Path) -> dict[str, Any]:
    """What the demonstration says about itself."""
    path = folder / "accounts.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def signed_in(account: dict[str, Any]) -> HTTPBasicAuth:
    """Basic authentication in UTF-8, as clients send it."""
    return HTTPBasicAuth(account["username"].encode(), account["password"].encode())


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_the_demonstration_from_start_to_end(
    tmp_path: Path, engine: str, request: pytest.FixtureRequest
) -> None:
    more = ["--database", request.getfixturevalue("postgresql_url")] if engine == "postgresql" else []
    server, folder = demo_of(tmp_path, *more)
    server.start()
    try:
        said = accounts(folder)
        assert said["url"] == f"http://127.0.0.1:{server.port}/"
        assert [a["role"] for a in said["accounts"]] == ["practitioner"] * 3 + ["receptionist"]
        for account in said["accounts"]:
            for calendar in account["calendars"]:
                reply = requests.request(
                    "PROPFIND",
                    calendar["url"],
                    data=PROPFIND,
                    headers={"Depth": "0"},
                    auth=signed_in(account),
                    timeout=60,
                )
                assert reply.status_code == 207, reply.text
                assert calendar["name"] in reply.text
        anna = said["accounts"][0]
        assert {"write", "busy"} == {c["access"] for c in anna["calendars"]}
        wrong = requests.get(said["url"], auth=signed_in({**anna, "password": "wrong"}), timeout=60)
        assert wrong.status_code == 401
        log = server.log.read_text(encoding="utf-8")
        assert anna["password"] in log and anna["calendars"][0]["url"] in log
        assert "iPhone and Mac speak https only" in log
        assert "Huber" not in log
    finally:
        code = server.stop()
    assert code == 0
    # The same folder again is the same practice.
    server.start()
    try:
        assert accounts(folder) == said
    finally:
        assert server.stop() == 0


def test_a_person_watching_sees_a_line_for_each_change(tmp_path: Path) -> None:
    server, folder = demo_of(tmp_path)
    terminal, theirs = pty.openpty()
    seen = bytearray()
    process = subprocess.Popen(
        server.command,
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    os.close(theirs)
    os.set_blocking(terminal, False)

    def shows(text: str) -> bool:
        with contextlib.suppress(BlockingIOError):
            seen.extend(os.read(terminal, 65536))
        return text in seen.decode(errors="replace")

    def device(method: str, number: int, hour: int = 18) -> None:
        """Anna's phone writes or deletes an event of its own."""
        anna = accounts(folder)["accounts"][0]
        calendar = next(c for c in anna["calendars"] if c["access"] == "write")
        day = (number - 1) % 28 + 1
        event = (
            "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//t//EN\r\nBEGIN:VEVENT\r\n"
            f"UID:seen-{number}\r\nDTSTAMP:20261123T080000Z\r\n"
            f"DTSTART:202712{day:02}T{hour}0000Z\r\nDTEND:202712{day:02}T{hour}3000Z\r\n"
            "SUMMARY:Vorhang\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
        )
        reply = requests.request(
            method,
            f"{calendar['url']}seen-{number}.ics",
            data=event if method == "PUT" else None,
            headers={"User-Agent": "DAVx5/4.5", "Content-Type": "text/calendar"},
            auth=signed_in(anna),
            timeout=60,
        )
        assert reply.status_code in (200, 201, 204), reply.text

    def put() -> bool:
        """A device books; the first change after the watching has begun is shown."""
        device("PUT", next(numbers))
        return shows("anna müller, DAVx5: Vorhang added")

    numbers = itertools.count(1)
    try:
        wait_until(lambda: shows("Ctrl-C ends it.") and _answers(server.port), "the demonstration")
        wait_until(put, "a line about the change")
        device("PUT", 1, hour=17)
        wait_until(
            lambda: shows("Vorhang moved from Wed 2027-12-01 19:00 to Wed 2027-12-01 18:00"), "the move"
        )
        device("DELETE", 1)
        wait_until(lambda: shows("DAVx5: Vorhang cancelled (Wed 2027-12-01 18:00)"), "the cancellation")
        practice_program(folder / "practice.db")
        wait_until(lambda: shows("practice program (sql): Probe added"), "the change by plain SQL")
        os.killpg(process.pid, signal.SIGINT)  # Ctrl-C
        assert process.wait(STOP_SECONDS) == 0
        told = seen.decode().partition("Ctrl-C ends it.")[2].split("\r\n")
        assert [line for line in told if line and not re.match(r"\d\d:\d\d \w", line)] == []
        log = folder / "server.log"
        assert stat.S_IMODE(log.stat().st_mode) == 0o600
        written = log.read_text(encoding="utf-8")
        assert "PUT request for" in written
        assert not any(name in written for name in ("Vorhang", "Probe", "seen-1"))
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        os.close(terminal)


def practice_program(path: Path) -> None:
    """A practice program books with plain SQL."""
    vendor = sqlite3.connect(path, isolation_level=None, timeout=60)
    vendor.execute("BEGIN IMMEDIATE")
    vendor.execute(
        "INSERT INTO appointment (practice_id, external_id, subject, starts_at, ends_at)"
        " SELECT id, 'X', 'Probe', '2027-12-02 09:00:00', '2027-12-02 09:30:00' FROM practice"
    )
    vendor.execute(
        "INSERT INTO appointment_calendar (appointment_id, calendar_id) SELECT a.id, min(c.id)"
        " FROM appointment a, calendar c WHERE a.external_id = 'X' AND c.kind = 'practitioner' GROUP BY a.id"
    )
    vendor.execute("COMMIT")
    vendor.close()


def test_another_day_or_a_port_in_use_is_said(tmp_path: Path) -> None:
    server, folder = demo_of(tmp_path)
    server.start()
    try:
        busy = subprocess.run(server.command, capture_output=True, text=True, timeout=180, check=False)
        assert busy.returncode == 1
        assert "--port" in busy.stderr
    finally:
        server.stop()
    other = [*DEMO, "--directory", str(folder), "--port", str(free_port()), "--today", "2026-11-24"]
    wrong = subprocess.run(other, capture_output=True, text=True, timeout=180, check=False)
    assert wrong.returncode == 1
    assert "another day" in wrong.stderr


@pytest.mark.parametrize("name", ["Praxis am Park", "ST Praxis"])
def test_a_practice_of_somebody_is_no_place_for_a_demonstration(
    sqlite_url: str, tmp_path: Path, name: str
) -> None:
    database = Database(sqlite_url)
    with database.write() as uow:
        practices.create(uow, name, "Europe/Vienna", "de")
    more = ["--directory", str(tmp_path / "d"), "--port", str(free_port()), "--database", sqlite_url]
    refused = subprocess.run([*DEMO, *more], capture_output=True, text=True, timeout=180, check=False)
    assert refused.returncode == 1
    assert "holds a practice" in refused.stderr
    with database.read() as uow:
        assert len(practices.list_all(uow)) == 1
        assert staff.list_all(uow, practices.find(uow).id) == []


def test_the_help_of_demo_names_no_environment() -> None:
    said = subprocess.run([*DEMO, "--help"], capture_output=True, text=True, timeout=180, check=True).stdout
    assert "RADICALE_PRACTICE_DATABASE" not in said
    assert "practice.db" in said


def _answers(port: int) -> bool:
    try:
        return requests.get(f"http://127.0.0.1:{port}/", timeout=5).status_code > 0
    except requests.RequestException:
        return False
