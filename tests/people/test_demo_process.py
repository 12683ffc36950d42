"""The demonstration as a program: served, described in ``accounts.json``, ended by SIGTERM."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import pty
import re
import shutil
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import requests
from requests.auth import HTTPBasicAuth

from radicale_practice.demo import practice as demo
from radicale_practice.practice import practices
from radicale_practice.practice.database import Database
from radicale_practice.practice.people import staff
from tests.people.command_line import invoke
from tests.processes import STOP_SECONDS, ServerProcess, free_port, wait_until

TODAY = date(2026, 11, 23)
DEMO = [sys.executable, "-m", "radicale_practice.cli.main", "demo"]
PROPFIND = '<propfind xmlns="DAV:"><prop><displayname/></prop></propfind>'


def demo_of(tmp_path: Path, *more: str) -> tuple[ServerProcess, Path]:
    """A demonstration's process, not started yet, and its folder."""
    port, folder = free_port(), tmp_path / "demo"
    command = [*DEMO, "--directory", str(folder), "--port", str(port), "--today", str(TODAY), *more]
    return ServerProcess(command, port, tmp_path / "log"), folder


@pytest.fixture(scope="module")
def made(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a demonstration about that day."""
    path = tmp_path_factory.mktemp("made") / "practice.db"
    shutil.copyfile(sqlite_template, path)
    database = Database(f"sqlite:///{path}")
    demo.create(database, TODAY)
    database.dispose()
    return path


@pytest.fixture
def unserved(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands that have to refuse before they serve, run in this process."""
    monkeypatch.setattr("radicale_practice.plugins.serve.serve", lambda *_, **__: pytest.fail("served"))
    monkeypatch.setattr(os, "umask", lambda mask: mask)


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


def test_a_person_watching_sees_a_line_for_each_change(tmp_path: Path, made: Path) -> None:
    server, folder = demo_of(tmp_path)
    folder.mkdir()
    shutil.copyfile(made, folder / "practice.db")
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


@pytest.mark.usefixtures("unserved")
def test_another_day_or_a_port_in_use_is_said(tmp_path: Path, made: Path) -> None:
    shutil.copyfile(made, tmp_path / "practice.db")
    port = str(free_port())
    demo_here = ("demo", "--directory", str(tmp_path), "--port", port, "--today")
    with socket.create_server(("127.0.0.1", int(port))):
        for command in (
            (*demo_here, str(TODAY)),
            ("serve", "--database", f"sqlite:///{tmp_path}/practice.db", "--port", port),
        ):
            busy = invoke(*command)
            assert busy.exit_code == 1
            assert "--port" in busy.stderr
    other = invoke(*demo_here, "2026-11-24")
    assert other.exit_code == 1
    assert "another day" in other.stderr


@pytest.mark.usefixtures("unserved")
@pytest.mark.parametrize("name", ["Praxis am Park", "ST Praxis"])
def test_a_practice_of_somebody_is_no_place_for_a_demonstration(
    sqlite_url: str, tmp_path: Path, name: str
) -> None:
    database = Database(sqlite_url)
    with database.write() as uow:
        practices.create(uow, name, "Europe/Vienna", "de")
    refused = invoke(
        "demo", "--directory", str(tmp_path), "--port", str(free_port()), "--database", sqlite_url
    )
    assert refused.exit_code == 1
    assert "holds a practice" in refused.stderr
    assert not (tmp_path / "accounts.json").exists()
    with database.read() as uow:
        assert len(practices.list_all(uow)) == 1
        assert staff.list_all(uow, practices.find(uow).id) == []
    database.dispose()


@pytest.mark.usefixtures("unserved")
@pytest.mark.parametrize(
    "text", ["[server]\nhosts = nowhere\n", "[server\nhosts", "[server]\nnonsense = 1\n", "\udcff"]
)
def test_a_configuration_that_is_none_is_said_before_anything_is_served(
    sqlite_url: str, tmp_path: Path, text: str
) -> None:
    path = tmp_path / "radicale.conf"
    path.write_text(text, encoding="utf-8", errors="surrogateescape")
    wrong = invoke("serve", "--config", str(path), "--database", sqlite_url)
    assert (wrong.exit_code, len(wrong.stderr.splitlines())) == (2, 1), wrong.stderr


def test_the_help_of_demo_names_no_environment() -> None:
    said = invoke("demo", "--help").stdout
    assert "RADICALE_PRACTICE_DATABASE" not in said
    assert "practice.db" in said


def _answers(port: int) -> bool:
    try:
        return requests.get(f"http://127.0.0.1:{port}/", timeout=5).status_code > 0
    except requests.RequestException:
        return False
