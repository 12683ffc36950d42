"""``journal``, ``attention``, ``undo``: what happened, and what is to be done."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer

from radicale_practice.cli.context import (
    DatabaseOption,
    PracticeOption,
    Session,
    reading,
    show_table,
    writing,
)
from radicale_practice.cli.moments import parse_moment, shown
from radicale_practice.practice import clock, lookup, zones
from radicale_practice.practice.errors import NotFound
from radicale_practice.practice.notices import attention
from radicale_practice.practice.people import patients, staff
from radicale_practice.practice.projections import Practice
from radicale_practice.practice.records import journal_list, journal_text, programs
from radicale_practice.practice.records import undo as undoing

attention_app = typer.Typer(help="What a person in the practice has to look at.", no_args_is_help=True)

SINCE_EXAMPLES = "'2026-11-24 09:00', 'today 08:00', '30min', '2h' or '1d'"

NEWEST = 50
MOST = 10_000

Since = Annotated[str, typer.Option("--since", help=f"{SINCE_EXAMPLES}.")]


def journal(
    since: Annotated[
        str | None,
        typer.Option("--since", help=f"Everything since {SINCE_EXAMPLES}; without it the newest {NEWEST}."),
    ] = None,
    appointment: Annotated[str | None, typer.Option("--appointment", help="An appointment's id.")] = None,
    limit: Annotated[
        int | None, typer.Option("--limit", min=1, max=MOST, help="How many at most, the newest.")
    ] = None,
    practice: PracticeOption = None,
    database: DatabaseOption = None,
) -> None:
    """Who changed what, when and from which device; the newest last."""
    most = limit or (MOST if since is not None else NEWEST)
    with reading(database, practice) as session:
        about = session.practice
        appointment_id = None
        if appointment is not None:
            appointment_id = lookup.appointment_id(session.uow, about.id, appointment)
        found = journal_list.entries(
            session.uow,
            about.id,
            since=parse_since(since, about) if since is not None else None,
            appointment_id=appointment_id,
            limit=most + 1,
        )
    for entry in found[-most:]:
        typer.echo(_journal_line(entry, about))
    if len(found) > most and (since is not None or limit is not None):
        typer.echo(f"only the newest {most} of them: see --limit", err=True)


def _journal_line(entry: journal_list.Entry, about: Practice) -> str:
    """With the appointment's id behind it."""
    number = f" [{entry.appointment_id}]" if entry.appointment_id is not None else ""
    return journal_text.line(entry, about.time_zone, with_day=True) + number


@attention_app.command("list")
def list_attention(practice: PracticeOption = None, database: DatabaseOption = None) -> None:
    """What is not settled yet, oldest first."""
    with reading(database, practice) as session:
        items = attention.open_list(session.uow, session.practice.id)
        devices = _devices(session)
    show_table(
        ("Id", "Since", "Kind", "Count", "Appointment", "Person", "Device", "Reason"),
        (
            (
                item.id,
                clock_time(item.created_at, session.practice),
                item.kind,
                item.count,
                item.appointment_id or "",
                *devices(item),
                item.reason,
            )
            for item in items
        ),
    )


@attention_app.command("show")
def show_attention(
    item: Annotated[int, typer.Argument(help="The id from 'attention list'.")],
    practice: PracticeOption = None,
    database: DatabaseOption = None,
) -> None:
    """Everything about one row; of a burst what was carried out and what is held back."""
    with reading(database, practice) as session:
        uow, about = session.uow, session.practice
        found = attention.get(uow, item)
        if found.practice_id != about.id:
            raise NotFound(f"attention {item}")
        person, device = _devices(session)(found)
        first = found.details.get("first", [])
        held = [known[0] for known in found.details.get("held", [])]
        if found.appointment_id is not None:
            entries = journal_list.entries(uow, about.id, appointment_id=found.appointment_id)
        else:
            entries = journal_list.entries(
                uow, about.id, ids=[*first, *held], limit=len(first) + len(held) + 1
            )
    facts: list[tuple[str, object]] = [
        ("id", found.id),
        ("kind", found.kind),
        ("reason", found.reason),
        ("since", clock_time(found.created_at, about)),
        ("last", clock_time(found.last_at, about) if found.last_at else ""),
        ("count", found.count),
        ("appointment", found.appointment_id or ""),
        ("person", person),
        ("device", device),
        ("settled", clock_time(found.settled_at, about) if found.settled_at else ""),
        ("as", found.resolution),
    ]
    show_table((), [(name, value) for name, value in facts if value != ""])
    for title, wanted in (("carried out", set(first)), ("held back", set(held)), ("journal", None)):
        lines = [e for e in entries if (e.id in wanted if wanted is not None else not first and not held)]
        if lines:
            typer.echo(f"{title}:")
        for entry in lines:
            typer.echo(f"  {_journal_line(entry, about)}")


def _devices(session: Session) -> Callable[[attention.AttentionItem], tuple[str, str]]:
    """From an item to the person's user name and the name of the device or program."""
    people = {m.id: m.user_name for m in staff.list_all(session.uow, session.practice.id)}
    names = lookup.device_names(session.uow, session.practice.id)

    def of(item: attention.AttentionItem) -> tuple[str, str]:
        program = item.source.split(":", 2)[2] if item.source.count(":") >= 2 else ""
        device = names.get(item.device_id or 0, "") or programs.short_name(program)
        return people.get(item.staff_id or 0, ""), device

    return of


@attention_app.command("resolve")
def resolve(
    item: Annotated[int, typer.Argument(help="The id from 'attention list'.")],
    how: Annotated[str, typer.Argument(help="accept, discard, link, undo or carry-out.")],
    patient: Annotated[str | None, typer.Option("--patient", help="Patient number, to link.")] = None,
    practice: PracticeOption = None,
    database: DatabaseOption = None,
) -> None:
    """Settle something on the attention list."""
    with writing(database, practice) as session:
        if attention.get(session.uow, item).practice_id != session.practice.id:
            raise NotFound(f"attention {item}")
        patient_id = None
        if patient is not None:
            patient_id = patients.by_number(session.uow, session.practice.id, patient).id
        done = attention.resolve(session.uow, session.actor, item, how, patient_id=patient_id)
    typer.echo(f"settled: {how}" + (f", {done.done} changes" if done.done else ""))
    for appointment_id, reason in done.skipped:
        typer.echo(f"  left alone: appointment {appointment_id or '(new)'}: {reason}")


def undo(
    since: Since,
    device: Annotated[
        str, typer.Option("--device", help="A device's name or id, or a user name: all of that person's.")
    ],
    program: Annotated[
        str | None, typer.Option("--program", help="Of that person only this program, such as DAVx5.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be undone.")] = False,
    practice: PracticeOption = None,
    database: DatabaseOption = None,
) -> None:
    """Undo everything that one device did since a time."""
    with writing(database, practice) as session:
        uow, about = session.uow, session.practice
        start = parse_since(since, about)
        source: dict[str, Any] = {"device_id": lookup.device_id(uow, about.id, device)}
        if source["device_id"] is None:
            source = {"staff_id": staff.get(uow, about.id, device).id}
            if program is not None:
                source["program"] = lookup.program(uow, about.id, source["staff_id"], program)
        report = undoing.undo(uow, session.actor, about.id, start, dry_run=dry_run, **source)
    for step in report.done:
        typer.echo(f"{step.action} of appointment {step.appointment_id}, {clock_time(step.at, about)}")
    for step in report.skipped:
        typer.echo(f"left alone: {step.action} of appointment {step.appointment_id}: {step.reason}")
    typer.echo(f"{len(report.done)} changes " + ("would be undone" if dry_run else "undone"))


def parse_since(text: str, practice: Practice) -> datetime:
    """A moment of the practice's wall clock, or so long ago, as naive UTC. Raises ``InvalidValue``."""
    ago = re.fullmatch(r"(\d{1,4})\s*(min|m|h|d)", text.strip().lower())
    if ago is not None:
        unit = {"min": "minutes", "m": "minutes", "h": "hours", "d": "days"}[ago[2]]
        return clock.utc_now() - timedelta(**{unit: int(ago[1])})
    wall = parse_moment(text, clock.today(practice.time_zone))
    return zones.to_utc(wall, practice.time_zone).replace(tzinfo=None)


def clock_time(at: datetime, practice: Practice) -> str:
    """A UTC time of the records on the practice's wall clock."""
    return shown(zones.to_wall(at.replace(tzinfo=UTC), practice.time_zone))
