"""``attention``: what a person in the practice has to look at, in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Annotated

import typer

from radicale_practice.cli.context import Session, reads, show_table, writes
from radicale_practice.cli.moments import clock_time, counted, shown, shown_span
from radicale_practice.cli.record_commands import LEFT_ALONE, journal_line
from radicale_practice.practice import book, lookup, zones
from radicale_practice.practice.notices import attention, attention_rows
from radicale_practice.practice.people import patients, staff
from radicale_practice.practice.records import journal_list, programs
from radicale_practice.practice.rules import brake, burst_entries, refusals

app = typer.Typer(help="What a person in the practice has to look at.", no_args_is_help=True)

ItemNumber = Annotated[int, typer.Argument(help="The id from 'attention list'.")]

REASONS = {
    attention_rows.UNLINKED: "the title names no patient that is known",
    attention_rows.CHANGED_PATIENT: "the title names another patient than before",
    attention_rows.DOUBLE_BOOKING: "somebody or a room is booked twice",
    attention_rows.ORIGINAL_GONE: "moved on a device while somebody else changed, cancelled or restored it",
    attention_rows.ABSENCE: "booked while somebody is absent",
    refusals.READ_ONLY: "not taken over: no right to change this calendar",
    refusals.DOCUMENTED: "not taken over: it is documented already",
    refusals.DOCUMENTED_INSTANCES: "not taken over for those of the series that are documented already",
    refusals.WINDOW: "not taken over: outside the days this device may see",
    refusals.SLOT_TAKEN: "the time was taken already",
    refusals.CHANGED_MEANWHILE: "not taken over: somebody else had changed it meanwhile",
    refusals.NESTED_SERIES: "not taken over: one of a series cannot be a series",
    refusals.OWN_ENTRY: "not taken over: this entry is made by the practice",
    brake.CANCELLATIONS: "many cancellations or moves at once: the rest is held back",
    brake.CREATIONS: "many new entries at once: the rest is held back",
}
"""What the practice's rules say, in words; other reasons are words already."""


def reason_of(item: attention.AttentionItem) -> str:
    """Why this is on the list, in words."""
    return REASONS.get(item.reason, item.reason)


def clashes_of(session: Session, appointment_id: int, on: datetime | None = None) -> str:
    """What stands in the way of what was just given its time: a line each, the line break before it."""
    return "".join(f"\n  {REASONS[kind]}" for kind in book.clashes(session.uow, appointment_id, on=on))


@app.command("list")
@reads
def list_(session: Session) -> None:
    """What is not settled yet, oldest first, and how each can be settled ('attention resolve')."""
    items = attention.open_list(session.uow, session.practice.id)
    devices = _devices(session)
    concerned = _appointments(session, items)
    if not items:
        typer.echo("nothing to look at")
        return
    settled_by = attention.fitting(session.uow, items)
    show_table(
        ("Id", "Since", "Kind", "Count", "Appointment", "Person", "Device", "Reason", "Settle by"),
        (
            (
                item.id,
                clock_time(item.created_at, session.practice.time_zone),
                item.kind,
                item.count,
                _concerned(item, concerned),
                *devices(item),
                reason_of(item),
                ", ".join(settled_by[item.id]),
            )
            for item in items
        ),
    )


@app.command("show")
@reads
def show(session: Session, item: ItemNumber) -> None:
    """Everything about one row; of a burst what was carried out and what is held back."""
    uow, about = session.uow, session.practice
    found = attention.get(uow, item, about.id)
    person, device = _devices(session)(found)
    concerned = _appointments(session, [found])
    first = found.details.get("first", [])
    held = burst_entries.latest(found.details)
    if found.appointment_id is not None:
        entries = journal_list.entries(uow, about.id, appointment_id=found.appointment_id)
    else:
        ids = [*first, *held]
        entries = journal_list.entries(uow, about.id, ids=ids, limit=len(ids) + 1)
    open_to = attention.fitting(uow, [found])
    facts: list[tuple[str, object]] = [
        ("id", found.id),
        ("kind", found.kind),
        ("reason", reason_of(found)),
        ("since", clock_time(found.created_at, about.time_zone)),
        ("last", clock_time(found.last_at, about.time_zone) if found.last_at else ""),
        ("count", found.count),
        ("appointment", _concerned(found, concerned)),
        ("person", person),
        ("device", device),
        ("settle by", ", ".join(open_to[found.id]) if found.settled_at is None else ""),
        ("settled", clock_time(found.settled_at, about.time_zone) if found.settled_at else ""),
        ("as", found.resolution),
    ]
    show_table((), [(name, value) for name, value in facts if value != ""])
    for title, wanted in (("carried out", set(first)), ("held back", set(held)), ("journal", None)):
        lines = [e for e in entries if (e.id in wanted if wanted is not None else not first and not held)]
        if lines:
            typer.echo(f"{title}:")
        for entry in lines:
            typer.echo(f"  {journal_line(entry, about)}")


def _appointments(session: Session, items: Sequence[attention.AttentionItem]) -> dict[int, str]:
    """The appointments that the items are about, by id: number, whose or what, when and where."""
    zone = session.practice.time_zone
    ids = [item.appointment_id for item in items if item.appointment_id is not None]
    told = {}
    for number, named in lookup.appointments(session.uow, session.practice.id, ids).items():
        start, end = named.start, named.end
        own_zone = zones.meant(named.time_zone, zone)
        if own_zone != zone and not named.all_day:
            start, end = (zones.to_wall(zones.to_utc(at, own_zone), zone) for at in (start, end))
        when = ("series from " if named.is_series else "") + shown_span(start, end, named.all_day)
        told[number] = f"{number} " + ", ".join(filter(None, (named.title, when, named.calendar)))
    return told


def _concerned(item: attention.AttentionItem, known: Mapping[int, str]) -> str:
    """The appointment that an item is about; of a series those of it that are meant."""
    named = attention.about(item)
    dates = ", ".join(shown(on) for on in named if on) if None not in named else ""
    return known.get(item.appointment_id or 0, "") + (f", those of {dates}" if dates else "")


def _devices(session: Session) -> Callable[[attention.AttentionItem], tuple[str, str]]:
    """From an item to the person's user name and the name of the device or program."""
    people = {m.id: m.user_name for m in staff.list_all(session.uow, session.practice.id)}
    names = lookup.device_names(session.uow, session.practice.id)

    def of(item: attention.AttentionItem) -> tuple[str, str]:
        program = item.source.split(":", 2)[2] if item.source.count(":") >= 2 else ""
        device = names.get(item.device_id or 0, "") or programs.short_name(program)
        return people.get(item.staff_id or 0, ""), device

    return of


@app.command("resolve")
@writes
def resolve(
    session: Session,
    item: ItemNumber,
    how: Annotated[str, typer.Argument(help="accept, discard, link, undo or carry-out.")],
    patient: Annotated[str | None, typer.Option("--patient", help="Patient number, to link.")] = None,
) -> str:
    """Settle something on the attention list.

    accept: it stays as it is; what was not booked is booked. discard: it is dropped or cancelled. link: it
    is the appointment of --patient. undo: the former patient again, with the subject of then; of a burst,
    what was carried out is taken back too. carry-out: what was held back of a burst is done.
    """
    attention.get(session.uow, item, session.practice.id)
    patient_id = None
    if patient is not None:
        patient_id = patients.by_number(session.uow, session.practice.id, patient).id
    done = attention.resolve(session.uow, session.actor, item, how, patient_id=patient_id)
    lines = [f"settled: {how}" + (f", {counted(done.done, 'change')}" if done.done else "")]
    words = REASONS | LEFT_ALONE
    lines += [
        f"  left alone: appointment {appointment_id or '(new)'}: {words.get(reason, reason)}"
        for appointment_id, reason in done.skipped
    ]
    return "\n".join(lines)
