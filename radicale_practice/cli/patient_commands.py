"""``patient``: add, change, find, import, merge, erase."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from radicale_practice.cli.context import (
    DatabaseOption,
    PracticeOption,
    Session,
    fail,
    progress_bars,
    reading,
    reads,
    show_table,
    writes,
    writing,
)
from radicale_practice.cli.moments import counted
from radicale_practice.practice.errors import InvalidValue
from radicale_practice.practice.people import patient_erase, patient_import, patients

app = typer.Typer(help="Patients.", no_args_is_help=True)

_SHOWN_ERRORS = 50


@app.command("add")
@writes
def add(
    session: Session,
    last_name: Annotated[str, typer.Argument(help="Family name.")],
    first_name: Annotated[str, typer.Argument(help="First name.")] = "",
    number: Annotated[
        str | None, typer.Option("--number", help="Patient number; without it the next free one.")
    ] = None,
    phone: Annotated[str, typer.Option("--phone", help="Phone number.")] = "",
) -> str:
    """Add a patient."""
    added = patients.add(session.uow, session.practice.id, number, first_name, last_name, phone)
    return f"patient {added.number} added"


@app.command("change")
@writes
def change(
    session: Session,
    number: Annotated[str, typer.Argument(help="The patient number; it stays.")],
    last_name: Annotated[str | None, typer.Option("--last-name", help="The new family name.")] = None,
    first_name: Annotated[
        str | None, typer.Option("--first-name", help="The new first name; '' for none.")
    ] = None,
    phone: Annotated[str | None, typer.Option("--phone", help="The new phone number; '' for none.")] = None,
) -> str:
    """Give a patient another name or phone number; what is not named stays. Devices have it at once."""
    if last_name is None and first_name is None and phone is None:
        raise InvalidValue("give --last-name, --first-name or --phone")
    changed = patients.change(session.uow, session.practice.id, number, first_name, last_name, phone)
    name = f"{changed.last_name} {changed.first_name}".strip()
    return f"patient {changed.number}: {name}" + (f", {changed.phone}" if changed.phone else "")


@app.command("find")
@reads
def find(
    session: Session, text: Annotated[str, typer.Argument(help="A patient number, or parts of the name.")]
) -> None:
    """Find patients by number or by parts of their names, in any case, with or without accents."""
    found = patients.find(session.uow, session.practice.id, text)
    if not found:
        fail("nobody found")
    show_table(
        ("Number", "Last name", "First name", "Phone"),
        ((p.number, p.last_name, p.first_name, p.phone) for p in found),
    )


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="CSV with the headings number, last_name, first_name, phone.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
    skip_errors: Annotated[
        bool, typer.Option("--skip-errors", help="Import the good lines although others have errors.")
    ] = False,
    practice: PracticeOption = None,
    database: DatabaseOption = None,
) -> None:
    """Import patients from a CSV file (German or English headings; updates by number).

    Who was erased or merged into another number stays as it is.
    """
    data = file.read_bytes()
    with writing(database, practice) as session, progress_bars() as progress:
        task = progress.add_task("Patients", total=None)
        report = patient_import.import_csv(
            session.uow,
            session.practice.id,
            data,
            dry_run=dry_run,
            skip_errors=skip_errors,
            progress=lambda done, total: progress.update(task, completed=done, total=total),
        )
    for error in report.errors[:_SHOWN_ERRORS]:
        typer.echo(f"line {error.line}: {error.reason}", err=True)
    if len(report.errors) > _SHOWN_ERRORS:
        typer.echo(f"... and {len(report.errors) - _SHOWN_ERRORS} more lines with errors", err=True)
    counts = f"{report.added} new, {report.updated} changed, {report.unchanged} unchanged"
    for count, why in ((report.erased, "erased"), (report.merged, "merged into another number")):
        counts += f", {count} left alone: {why}" if count else ""
    if report.errors and not skip_errors:
        fail(f"nothing imported: {counted(len(report.errors), 'line')} with errors ({counts})")
    typer.echo(("would be imported: " if dry_run else "imported: ") + counts)


@app.command("merge")
def merge(
    number: Annotated[str, typer.Argument(help="The patient number that goes.")],
    into: Annotated[str, typer.Argument(help="The patient number that stays.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask, as where there is no terminal.")] = False,
    practice: PracticeOption = None,
    database: DatabaseOption = None,
) -> None:
    """The same person twice: all appointments go to the number that stays. This cannot be undone."""
    if not yes and sys.stdin.isatty():
        goes, stays = _named(number, practice, database), _named(into, practice, database)
        typer.confirm(f"All appointments of {goes} go to {stays}? This cannot be undone", abort=True)
    with writing(database, practice) as session:
        moved = patients.merge(session.uow, session.practice.id, number, into)
    typer.echo(f"patient {into} has {counted(moved, 'appointment')} more")


def _named(number: str, practice: str | None, database: str | None) -> str:
    """Number and name, for a question that no write waits for."""
    with reading(database, practice) as session:
        found = patients.by_number(session.uow, session.practice.id, number, erased=True)
    return f"{found.number}, {found.last_name} {found.first_name}".rstrip(", ")


@app.command("erase")
def erase(
    number: Annotated[str, typer.Argument(help="The patient number.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    practice: PracticeOption = None,
    database: DatabaseOption = None,
) -> None:
    """Empty a patient's names, phone, notes and history for good. Times of appointments stay."""
    if not yes:
        who = _named(number, practice, database)
        typer.confirm(f"Empty everything about patient {who}? This cannot be undone", abort=True)
    with writing(database, practice) as session:
        erased = patient_erase.erase(session.uow, session.practice.id, number)
    typer.echo(
        f"patient {number}: contents of {counted(erased.appointments, 'appointment')} and"
        f" {counted(erased.journal_rows, 'journal row')} emptied"
    )
