"""What goes wrong at the command line is one clear line and an exit code; on both engines."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from tests.people.command_line import Run, invoke


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("nonsense", 2),
        ("mysql+nosuch://x/y", 2),
        ("mysql://x/y", 2),
        ("postgresql+psycopg2://x/y", 2),
        ("sqlite:////nonexistent/folder/practice.db", 1),
        ("postgresql://nobody@127.0.0.1:1/none", 1),
    ],
)
def test_a_wrong_database_is_one_line(url: str, code: int) -> None:
    result = invoke("staff", "list", "--database", url)
    assert result.exit_code == code
    assert len(result.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize("command", [["init"], ["staff", "list"], ["serve"], ["maintain"]])
def test_a_directory_that_is_missing_is_named(command: list[str], tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/missing/practice.db"
    result = invoke(*command, "--database", url)
    assert result.exit_code == 1
    assert f"there is no directory {tmp_path}/missing" in result.stderr
    assert not (tmp_path / "missing").exists()


def test_a_file_that_cannot_be_a_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no database at all, but longer than a header" * 50, encoding="utf-8")
    for place, why in (("notes.txt", "is no SQLite database"), (".", "is a directory")):
        url = f"sqlite:///{tmp_path}/{place}"
        result = invoke("staff", "list", "--database", url)
        assert (result.exit_code, len(result.stderr.splitlines())) == (1, 1)
        assert why in result.stderr


def test_what_is_wrong_with_postgresql_is_said(postgresql_url: str) -> None:
    wrong = {
        "postgresql://nobody@127.0.0.1:1/none": "Connection refused",
        postgresql_url.rpartition("/")[0] + "/none": 'database "none" does not exist',
        postgresql_url.replace("practice@", "nobody:secret@"): 'role "nobody" does not exist',
    }
    for url, why in wrong.items():
        result = invoke("staff", "list", "--database", url)
        assert (result.exit_code, len(result.stderr.splitlines())) == (1, 1), result.stderr
        assert why in result.stderr
        assert "secret" not in result.stderr


def test_a_database_that_somebody_writes_is_said_to_be_busy(
    run: Run, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("radicale_practice.practice.database.SQLITE_BUSY_TIMEOUT", 0.05)
    monkeypatch.setenv("RADICALE_PRACTICE_DATABASE", sqlite_url)
    writer = sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    try:
        said = run("init", "--name", "Zweite", code=1).stderr
    finally:
        writer.close()
    assert "another program is writing" in said


def test_a_database_not_set_up_says_what_to_do(tmp_path: Path) -> None:
    result = invoke("staff", "list", "--database", f"sqlite:///{tmp_path}/new.db")
    assert result.exit_code == 1
    assert "radicale-practice init" in result.stderr
    assert not (tmp_path / "new.db").exists()
    (tmp_path / "new.db").touch()
    result = invoke("staff", "list", "--database", f"sqlite:///{tmp_path}/new.db")
    assert result.exit_code == 1
    assert "radicale-practice init" in result.stderr


def test_the_database_of_the_configuration(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RADICALE_PRACTICE_DATABASE", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert "no database named" in invoke("check").stderr
    (tmp_path / "radicale.conf").write_text(f"[storage]\ndatabase = {sqlite_url}\n", encoding="utf-8")
    monkeypatch.setenv("RADICALE_CONFIG", str(tmp_path / "radicale.conf"))
    assert invoke("init", "--name", "P").exit_code == 0
    result = invoke("staff", "list")
    assert result.exit_code == 0, result.output


BEYOND = "9" * 30


@pytest.mark.parametrize(
    "arguments",
    [
        ("appointment", "add", "anna müller", "9999-12-31 23:50", "--subject", "x"),
        ("appointment", "add", "anna müller", "9999-12-31", "--all-day", "--subject", "x"),
        ("appointment", "add", "anna müller", "0001-01-01 00:00", "--subject", "x"),
        ("series", "add", "anna müller", "9999-12-20 09:00", "--subject", "x"),
        ("agenda", "9999-12-31", "--days", "366"),
        ("undo", "--device", "anna müller", "--since", "9999-12-31 23:59", "--program", "DAVx5"),
        ("undo", "--device", BEYOND, "--since", "2h"),
        ("attention", "show", BEYOND),
        ("attention", "resolve", BEYOND, "accept"),
        ("watch", "--once", "--cursor", BEYOND),
        ("calendar", "rename", BEYOND, "x"),
        ("calendar", "grant", "Raum 1", BEYOND, "read"),
        ("settings", "set", "journal_days", BEYOND),
        ("patient", "merge", BEYOND, "17"),
        ("staff", "list", "--practice", "\udcff"),
        ("patient", "find", "\udcff"),
        ("patient", "add", "\udcff"),
        ("appointment", "show", "\udcff"),
        ("appointment", "add", "anna müller", "2026-11-24 09:00", "--subject", "\udcff"),
        ("calendar", "add", "\udcff"),
        ("location", "add", "\udcff"),
        ("settings", "set", "name", "\udcff"),
        ("init", "--name", "\udcff"),
    ],
    ids=lambda arguments: ascii(" ".join(arguments)),
)
def test_what_nothing_can_hold_is_one_line(run: Run, anna: None, arguments: tuple[str, ...]) -> None:
    result = invoke(*arguments)
    assert result.exit_code in (1, 2), result.output
    assert (result.stdout, len(result.stderr.splitlines())) == ("", 1)


def test_a_file_that_cannot_be_imported_is_one_line(run: Run, tmp_path: Path) -> None:
    (tmp_path / "empty.csv").touch()
    (tmp_path / "picture.csv").write_bytes(bytes(range(256)) * 40)
    for name, code in (("missing.csv", 1), (".", 1), ("empty.csv", 2), ("picture.csv", 2)):
        said = run("patient", "import", str(tmp_path / name), code=code).stderr
        assert len(said.splitlines()) == 1, said


def test_twice_the_same_is_said(run: Run, anna: None) -> None:
    for command in (
        ("staff", "add", "anna_müller", "--password-stdin"),
        ("patient", "add", "Huber", "--number", "17"),
        ("location", "add", "Praxis"),
    ):
        if command[0] == "location":
            run(*command)
        said = run(*command, typed="ahorn-birke-1\n", code=1).stderr
        assert "taken" in said or "there" in said, said


def test_what_is_no_command_and_the_version() -> None:
    assert invoke("nonsense").exit_code == 2
    assert invoke("--version").stdout.startswith("radicale-practice ")


def test_no_password_on_the_command_line_and_none_without_a_terminal(run: Run) -> None:
    assert "--password-stdin" in run("staff", "add", "berta", code=2).stderr
    assert run("staff", "add", "berta", "--password", "secret-1234", code=2)
    assert "8 to" in run("staff", "add", "berta", "--password-stdin", typed="short\n", code=2).stderr
