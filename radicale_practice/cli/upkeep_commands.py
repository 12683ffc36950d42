"""Commands about the installation: ``init``, ``maintain``, ``check``, ``new-epoch``, ``settings``."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.progress import TaskID

from radicale_practice.cli import outages
from radicale_practice.cli.context import (
    DatabaseOption,
    Session,
    actor,
    database_url,
    fail,
    open_database,
    progress_bars,
    reads,
    show_table,
    writes,
)
from radicale_practice.cli.moments import counted
from radicale_practice.practice import migrate, practices
from radicale_practice.practice.database import Database, UnitOfWork
from radicale_practice.practice.errors import InvalidValue, NotFound
from radicale_practice.practice.sync import revisions
from radicale_practice.practice.upkeep import check as checks
from radicale_practice.practice.upkeep import maintain as housekeeping

DEFAULT_ZONE = "Europe/Vienna"
DEFAULT_LANGUAGE = "de"

settings_app = typer.Typer(help="What a practice may set.", no_args_is_help=True)


def init(
    name: Annotated[str | None, typer.Option("--name", help="The name of a practice to make.")] = None,
    time_zone: Annotated[
        str | None, typer.Option("--time-zone", help=f"Its IANA zone; else {DEFAULT_ZONE}.")
    ] = None,
    language: Annotated[
        str | None, typer.Option("--language", help=f"de or en; else {DEFAULT_LANGUAGE}.")
    ] = None,
    database: DatabaseOption = None,
) -> None:
    """Set the database up or bring it to this version, and make a practice. Harmless to repeat."""
    if name is None and (time_zone is not None or language is not None):
        raise InvalidValue("--time-zone and --language are of a practice: give its --name")
    opened = Database(database_url(database))
    outages.require_place(opened.url, existing=False)
    with outages.explained():
        migrate.upgrade(opened)
    with opened.write(actor()) as uow:
        if name is not None:
            _require_practice(uow, name, time_zone, language)
        known = practices.list_all(uow)
    typer.echo("the database is ready")
    for practice in known:
        typer.echo(
            f"practice {practice.name} ({practice.time_zone}, {practice.language}), id {practice.public_id}"
        )
    if not known:
        typer.echo("there is no practice yet; make one: radicale-practice init --name 'Practice at the Park'")


def _require_practice(uow: UnitOfWork, name: str, time_zone: str | None, language: str | None) -> None:
    """Make the practice, or see that the one that is there is as asked for."""
    try:
        there = practices.find(uow, name)
    except NotFound:
        practices.create(
            uow, name, time_zone or DEFAULT_ZONE, DEFAULT_LANGUAGE if language is None else language
        )
        return
    asked = {"time_zone": time_zone, "language": language.lower() if language is not None else None}
    for setting, value in asked.items():
        if value is not None and value != getattr(there, setting):
            raise InvalidValue(
                f"this practice is there, with {setting} {getattr(there, setting)}; to change it:"
                f" radicale-practice settings set {setting} {value}"
            )


def maintain(database: DatabaseOption = None) -> None:
    """Housekeeping for all practices: run it once a day."""
    opened = open_database(database)
    with progress_bars() as progress:
        tasks: dict[str, TaskID] = {}

        def show(step: str, done: int, total: int) -> None:
            if step not in tasks:
                tasks[step] = progress.add_task(step, total=total or 1)
            progress.update(tasks[step], completed=done if total else 1, total=total or 1)

        done = housekeeping.maintain(opened, progress=show)
    typer.echo(
        f"{done.series_expanded} series expanded, {done.names_kept} names kept,"
        f" {done.journal_rows_emptied} journal rows past their time emptied"
    )


def check(
    repair: Annotated[bool, typer.Option("--repair", help="Put right what can be put right.")] = False,
    database: DatabaseOption = None,
) -> None:
    """Check every invariant of the database and the triggers; exit code 1 if something is wrong."""
    opened = open_database(database)
    if repair:
        with opened.write(actor()) as uow:
            problems = checks.repair(uow)
        for problem in problems:
            typer.echo(f"repaired: {_described(problem)}")
    with opened.read() as uow:
        problems = checks.check(uow)
    for problem in problems:
        typer.echo(_described(problem))
    if problems:
        fail(
            counted(len(problems), "problem") + ("" if repair else ": check --repair puts right what it can")
        )
    typer.echo("no problems")


def new_epoch(
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False, database: DatabaseOption = None
) -> None:
    """After a restored backup: every client lists all its calendars again."""
    opened = open_database(database)
    if not yes:
        typer.confirm("Let every client list everything again?", abort=True)
    with opened.write(actor()) as uow:
        revisions.new_epoch(uow)
    typer.echo("new epoch: every client lists everything again at its next sync")


@settings_app.command("list")
@reads
def list_settings(session: Session) -> None:
    """The practice's settings."""
    values = practices.settings_of(session.practice)
    show_table(("Setting", "Value"), ((name, _shown(value)) for name, value in values.items()))


@settings_app.command("set")
@writes
def set_setting(
    session: Session,
    name: Annotated[str, typer.Argument(help="One of 'settings list'.")],
    value: Annotated[str, typer.Argument(help="yes/no, a number, text, or a list separated by ';'.")],
) -> str:
    """Change a setting."""
    parsed = practices.setting_from_text(name, value)
    changed = practices.set_settings(session.uow, session.practice.id, {name: parsed})
    return f"{name} = {_shown(practices.settings_of(changed)[name])}"


def _described(problem: checks.Problem) -> str:
    """By table and ids, never contents."""
    named = ", ".join(problem.ids) + (", ..." if problem.count > len(problem.ids) else "")
    mend = "" if problem.repairable else "; look at it yourself"
    return f"{problem.table}: {problem.kind}: {problem.text} ({named or problem.count}){mend}"


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        return "; ".join(str(v) for v in value)
    return str(value)
