"""``watch``: what devices changed, for a practice program that listens."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from datetime import date
from typing import Annotated, Any

import typer

from radicale_practice.cli.context import DatabaseOption, PracticeOption, open_database
from radicale_practice.practice import practices
from radicale_practice.practice.errors import Unavailable
from radicale_practice.practice.sync import watch as watching

MOST_AT_ONCE = 500


def watch(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    cursor: Annotated[int, typer.Option("--cursor", min=0, help="Go on after this one.")] = 0,
    follow: Annotated[bool, typer.Option("--follow/--once", help="Wait for more, or end.")] = True,
    seconds: Annotated[float, typer.Option("--every", min=0.1, help="Seconds between two looks.")] = 2.0,
    practice: PracticeOption = None,
    database: DatabaseOption = None,
) -> None:
    """What devices changed, for a practice program that listens. A database that goes away is waited for."""
    opened = open_database(database)
    with opened.read() as uow:
        practice_id = practices.find(uow, practice).id
    position, away = cursor, False
    while True:
        try:
            with opened.read() as uow:
                changes, position = watching.changes_since(uow, practice_id, position, MOST_AT_ONCE)
            away = False
        except Unavailable:
            if not follow:
                raise
            if not away:
                typer.echo("the database is away: waiting for it", err=True)
            changes, away = [], True
        for change in changes:
            typer.echo(_json_line(change) if as_json else _plain_line(change))
        if not changes:
            if not follow:
                return
            time.sleep(seconds)


def _json_line(change: watching.PhoneChange) -> str:
    return json.dumps(asdict(change), ensure_ascii=False, default=_plain)


def _plain_line(change: watching.PhoneChange) -> str:
    """Without names: appointments by id."""
    return " ".join(f"{name}={value}" for name, value in asdict(change).items() if value not in (None, ""))


def _plain(value: Any) -> str:
    return value.isoformat() if isinstance(value, date) else str(value)
