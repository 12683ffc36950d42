"""``journal`` and ``undo``: what happened, and how it is taken back."""

from __future__ import annotations

import re
from datetime import datetime, time, timedelta
from typing import Annotated, Any

import typer

from radicale_practice.cli.context import Session, reads, writes
from radicale_practice.cli.moments import counted, parse_day_or_moment
from radicale_practice.practice import clock, lookup, zones
from radicale_practice.practice.people import staff
from radicale_practice.practice.projections import Practice
from radicale_practice.practice.records import journal_list, journal_text, left_alone
from radicale_practice.practice.records import undo as undoing

SINCE_EXAMPLES = "'2026-11-24', '2026-11-24 09:00', 'today 08:00', '30min', '2h' or '1d'"

LEFT_ALONE = {
    left_alone.CHANGED_MEANWHILE: "somebody has changed it since",
    left_alone.CONTENTS_GONE: "the journal no longer keeps what it was",
    left_alone.IDENTITY_TAKEN: "another one has its address by now",
}
"""Why a change is neither taken back nor carried out, in words."""

NEWEST = 50
MOST = 10_000

Since = Annotated[str, typer.Option("--since", help=f"{SINCE_EXAMPLES}.")]


@reads
def journal(
    session: Session,
    since: Annotated[
        str | None,
        typer.Option("--since", help=f"Everything since {SINCE_EXAMPLES}; without it the newest {NEWEST}."),
    ] = None,
    appointment: Annotated[str | None, typer.Option("--appointment", help="An appointment's id.")] = None,
    limit: Annotated[
        int | None, typer.Option("--limit", min=1, max=MOST, help="How many at most, the newest.")
    ] = None,
) -> None:
    """Who changed what, when and from which device; the newest last."""
    most = limit or (MOST if since is not None else NEWEST)
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
        typer.echo(journal_line(entry, about))
    if len(found) > most and (since is not None or limit is not None):
        typer.echo(f"only the newest {most} of them: see --limit", err=True)


def journal_line(entry: journal_list.Entry, about: Practice) -> str:
    """With the appointment's id behind it."""
    number = f" [{entry.appointment_id}]" if entry.appointment_id is not None else ""
    return journal_text.line(entry, about.time_zone, with_day=True) + number


@writes
def undo(
    session: Session,
    since: Since,
    device: Annotated[
        str, typer.Option("--device", help="A device's name or id, or a user name: all of that person's.")
    ],
    program: Annotated[
        str | None, typer.Option("--program", help="Of that person only this program, such as DAVx5.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be undone.")] = False,
) -> str:
    """Undo everything that one device did since a time; each line is a change that is taken back."""
    uow, about = session.uow, session.practice
    start = parse_since(since, about)
    source: dict[str, Any] = {"device_id": lookup.device_id(uow, about.id, device)}
    if source["device_id"] is None:
        source = {"staff_id": staff.get(uow, about.id, device).id}
        if program is not None:
            source["program"] = lookup.program(uow, about.id, source["staff_id"], program)
    report = undoing.undo(uow, session.actor, about.id, start, dry_run=dry_run, **source)
    ids = [step.journal_id for step in (*report.done, *report.skipped)]
    known = {entry.id: entry for entry in journal_list.entries(uow, about.id, ids=ids, limit=len(ids) + 1)}
    lines = [journal_line(known[step.journal_id], about) for step in report.done]
    lines += [
        f"left alone: {journal_line(known[step.journal_id], about)}: {LEFT_ALONE[step.reason]}"
        for step in report.skipped
    ]
    lines.append(f"{counted(len(report.done), 'change')} " + ("would be undone" if dry_run else "undone"))
    return "\n".join(lines)


def parse_since(text: str, practice: Practice) -> datetime:
    """A moment of the practice's wall clock, a day's beginning there, or so long ago, as naive UTC.

    Raises ``InvalidValue``.
    """
    ago = re.fullmatch(r"(\d{1,4})\s*(min|m|h|d)", text.strip().lower())
    if ago is not None:
        unit = {"min": "minutes", "m": "minutes", "h": "hours", "d": "days"}[ago[2]]
        return clock.utc_now() - timedelta(**{unit: int(ago[1])})
    day, at = parse_day_or_moment(text, clock.today(practice.time_zone))
    return zones.to_utc(datetime.combine(day, at or time.min), practice.time_zone).replace(tzinfo=None)
