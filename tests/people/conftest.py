"""A practice with nobody in it, and the command line over one; on both engines."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import Result

from radicale_practice.practice import practices
from radicale_practice.practice.database import Database
from radicale_practice.practice.projections import Practice
from tests.people.command_line import Run, invoke


@pytest.fixture
def practice(database: Database) -> Practice:
    """A practice in Vienna."""
    with database.write() as uow:
        return practices.create(uow, "ST Praxis")


@pytest.fixture(autouse=True)
def cheap_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """argon2 with little work; what the real parameters are is no matter here."""
    monkeypatch.setattr("radicale_practice.practice.people.passwords.TIME_COST", 1)
    monkeypatch.setattr("radicale_practice.practice.people.passwords.MEMORY_COST", 64)


@pytest.fixture
def run(database_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Run a command on a database with one practice, which ``init`` made."""
    monkeypatch.setenv("RADICALE_PRACTICE_DATABASE", database_url)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str, typed: str | bytes | None = None, code: int = 0) -> Result:
        result = invoke(*arguments, typed=typed)
        assert result.exit_code == code, result.output
        return result

    run("init", "--name", "ST Praxis")
    return run


@pytest.fixture
def anna(run: Run) -> None:
    """A practitioner, a room and a patient."""
    run("staff", "add", "anna müller", "--name", "Anna Müller", "--password-stdin", typed="ahorn-birke-1\n")
    run("calendar", "add", "Raum 1")
    run("patient", "add", "Huber", "Maria", "--number", "17")
