"""The demonstration as a program: served, described in ``accounts.json``, ended by SIGTERM."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import signal
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.processes import ServerProcess, free_port, wait_until

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


def signed_in(account: dict[str, Any]) -> tuple[bytes, bytes]:
    """Basic authentication in UTF-8, as clients send it."""
    return account["username"].encode(), account["password"].encode()


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
                    timeout=30,
                )
                assert reply.status_code == 207, reply.text
                assert calendar["name"] in reply.text
        anna = said["accounts"][0]
        assert {"write", "busy"} == {c["access"] for c in anna["calendars"]}
        wrong = requests.get(said["url"], auth=(anna["username"].encode(), b"wrong"), timeout=30)
        assert wrong.status_code == 401
        log = server.log.read_text(encoding="utf-8")
        assert anna["password"] in log
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

    def put() -> bool:
        """A device books; the first change after the watching has begun is shown."""
        anna = accounts(folder)["accounts"][0]
        calendar = next(c for c in anna["calendars"] if c["access"] == "write")
        number = next(numbers)
        event = (
            "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//t//EN\r\nBEGIN:VEVENT\r\n"
            f"UID:seen-{number}\r\nDTSTAMP:20261123T080000Z\r\n"
            f"DTSTART:202612{number:02}T180000Z\r\nDTEND:202612{number:02}T183000Z\r\nSUMMARY:Vorhang\r\n"
            "END:VEVENT\r\nEND:VCALENDAR\r\n"
        )
        reply = requests.put(
            f"{calendar['url']}seen-{number}.ics",
            data=event,
            headers={"User-Agent": "DAVx5/4.5", "If-None-Match": "*", "Content-Type": "text/calendar"},
            auth=signed_in(anna),
            timeout=30,
        )
        assert reply.status_code == 201, reply.text
        return shows("anna müller, DAVx5: Vorhang added")

    numbers = iter(range(1, 29))
    try:
        wait_until(lambda: shows("Ctrl-C ends it.") and _answers(server.port), "the demonstration", 60)
        wait_until(put, "a line about the change", 30)
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        os.close(terminal)


def _answers(port: int) -> bool:
    try:
        return requests.get(f"http://127.0.0.1:{port}/", timeout=5).status_code > 0
    except requests.ConnectionError:
        return False
