"""Servers as processes: ending cleanly, quiet logs, passwords changed under running workers."""

from __future__ import annotations

import base64
import http.client
import re
import socket
import subprocess
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import pytest

from radicale_practice.practice.people import staff
from tests.processes import ServerProcess
from tests.protocol.house import (
    ANNA,
    BEN,
    BIN,
    PASSWORD,
    Client,
    House,
    event,
    http_sender,
    own_server,
    stock_server,
    words_in,
    write_configuration,
)

NAMES = ("Mustermann", "Xaverius", "4711", "0660")


@pytest.mark.parametrize("kind", ["own", "stock"])
def test_no_names_in_the_log_and_a_clean_end(
    house: House, database_url: str, tmp_path: Path, kind: str
) -> None:
    start = own_server if kind == "own" else stock_server
    with start(database_url, tmp_path) as (base, process):
        client = Client(http_sender(base), ANNA)
        path = house.path(ANNA)
        name = "Maria Mustermann.ics"
        text = event("Maria.Mustermann@x", "Mustermann Maria – 4711")
        assert client.put(path + name, text).status == 201
        assert client.put(path + "2.ics", event("Maria.Mustermann@x")).status == 409
        assert client.put(path + name, text, if_match='"Mustermann"').status == 412
        for broken in (b"Xaverius Mustermann\r\n", text[:-40].encode(), text.encode() + b"Xaverius"):
            assert 400 <= client.put(path + "3.ics", broken).status < 500
        assert "Mustermann" in client.request("GET", path).text
        assert client.request("REPORT", path, "<Mustermann").status == 400
        assert client.multiget(path, name, "Xaverius.ics").status == 207
        assert client.request("MOVE", path + name, b"", {"Destination": "/x/Mustermann.ics"}).status == 403
        assert client.request("DELETE", path + name).status in (200, 204)
        assert process.stop() in ((0,) if kind == "own" else (0, 1))
        log = process.log.read_text()
    assert "PUT" in log
    assert [line for line in log.splitlines() if words_in(line, NAMES)] == []


def test_a_changed_password_counts_at_the_next_request_on_every_worker(
    house: House, database_url: str, tmp_path: Path
) -> None:
    with own_server(database_url, tmp_path) as (base, process):
        # Each keeps a connection of its own, and with it a worker.
        old = [Client(http_sender(base), BEN) for _ in range(CONNECTIONS)]
        assert _statuses(old) == {207}
        assert len(_workers(process)) == 2
        with house.database.write() as uow:
            staff.set_password(uow, house.viewer(BEN).staff_id, "another long one")
        assert _statuses(old) == {401}
        new = [replace(client, password="another long one") for client in old]
        assert _statuses(new) == {207}
        with house.database.write() as uow:
            staff.deactivate(uow, staff.get(uow, house.practice_id, BEN).id)
        assert _statuses(new) == {401}


CONNECTIONS = 24
"""The system gives them to two workers by chance: all to one of them once in eight million times."""


def _statuses(clients: list[Client]) -> set[int]:
    return {client.propfind("/", "D:resourcetype").status for client in clients}


def _workers(process: ServerProcess) -> set[str]:
    """The processes that have answered a PROPFIND, from the log."""
    return set(re.findall(r"\[(\d+)[/\w-]*\] \[INFO\] PROPFIND request", process.log.read_text()))


def test_a_connection_is_kept_for_further_requests(house: House, database_url: str, tmp_path: Path) -> None:
    with own_server(database_url, tmp_path) as (base, _process):
        connection = http.client.HTTPConnection(base.removeprefix("http://"))
        connection.connect()
        kept = connection.sock
        for _ in range(3):
            connection.request("OPTIONS", "/.well-known/caldav")
            answer = connection.getresponse()
            answer.read()
            assert (answer.status, answer.version) == (301, 11)
            assert connection.sock is kept is not None
        connection.close()


def test_bodies_that_wait_for_leave_or_come_in_pieces(
    house: House, database_url: str, tmp_path: Path
) -> None:
    """Outlook's .NET asks first (Expect: 100-continue), others send pieces without a length."""
    path, body = house.path(ANNA), event("1@x", "Team").encode()
    token = base64.b64encode(f"{ANNA}:{PASSWORD}".encode()).decode()
    pieces = b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in (body[:50], body[50:])) + b"0\r\n\r\n"
    with own_server(database_url, tmp_path) as (base, _process):
        host, _, port = base.removeprefix("http://").partition(":")
        for name, header, sent in (
            ("1.ics", f"Content-Length: {len(body)}\r\nExpect: 100-continue", body),
            ("1.ics", "Transfer-Encoding: chunked", pieces),
        ):
            head = f"PUT {quote(path + name)} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Basic {token}\r\n"
            with socket.create_connection((host, int(port)), timeout=60) as connection:
                connection.sendall(f"{head}Content-Type: text/calendar\r\n{header}\r\n\r\n".encode())
                answer = connection.makefile("rb")
                if "Expect" in header:
                    assert answer.readline().split()[1] == b"100"
                    answer.readline()
                connection.sendall(sent)
                assert answer.readline().split()[1] in (b"201", b"204")
        assert Client(http_sender(base)).request("GET", path + "1.ics").body == body


def test_verify_storage(house: House, database_url: str, tmp_path: Path) -> None:
    command = [str(BIN / "radicale"), "--config", str(write_configuration(database_url, tmp_path))]
    verify = [*command, "--verify-storage"]
    done = subprocess.run(verify, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    on = "" if house.database.dialect == "sqlite" else " ON appointment"
    with house.database.write() as uow:
        uow.connection.exec_driver_sql(f"DROP TRIGGER sync_appointment_update{on}")
    done = subprocess.run(verify, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "sync_appointment_update" in done.stderr


def test_the_server_starts_without_a_warning(house: House, database_url: str, tmp_path: Path) -> None:
    with own_server(database_url, tmp_path) as (base, process):
        # the application is made at the first request
        assert Client(http_sender(base), ANNA).propfind("/", "D:resourcetype").status == 207
        assert process.stop() == 0
        assert "WARNING" not in process.log.read_text()
