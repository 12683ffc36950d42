"""``calendar``: practitioners' and rooms' calendars, and who may do what with them."""

from __future__ import annotations

from typing import Annotated

import typer

from radicale_practice.cli import ahead
from radicale_practice.cli.context import Session, reads, show_table, writes
from radicale_practice.cli.moments import counted
from radicale_practice.practice import calendars
from radicale_practice.practice.errors import Conflict, InvalidValue
from radicale_practice.practice.model import Access, CalendarKind
from radicale_practice.practice.people import staff

app = typer.Typer(help="Calendars of practitioners and rooms.", no_args_is_help=True)

CalendarName = Annotated[str, typer.Argument(help="Name, id, or its person's user name.")]
UserName = Annotated[str, typer.Argument(help="The user name of the person who gets access.")]


@app.command("add")
@writes
def add(
    session: Session,
    name: Annotated[str, typer.Argument(help="What the calendar is called.")],
    staff_name: Annotated[
        str | None, typer.Option("--staff", help="User name of its person; without it: a room.")
    ] = None,
    private: Annotated[bool, typer.Option("--private", help="A private calendar of that person.")] = False,
    color: Annotated[str, typer.Option("--color", help="#RRGGBBAA; without it one that is free.")] = "",
) -> str:
    """Make a calendar: a room's, a practitioner's further one, or a private one."""
    kind = CalendarKind.ROOM if staff_name is None else CalendarKind.PRACTITIONER
    if private:
        kind = CalendarKind.PRIVATE
        if staff_name is None:
            raise InvalidValue("a private calendar needs --staff")
    person = None
    if staff_name is not None:
        person = staff.get(session.uow, session.practice.id, staff_name).id
    made = calendars.add(session.uow, session.practice.id, kind, name, staff_id=person, color=color)
    return f"{made.name}: {made.kind} calendar {made.public_id}"


@app.command("list")
@reads
def list_(
    session: Session,
    staff_name: Annotated[
        str | None, typer.Option("--staff", help="What this user name sees, and its access.")
    ] = None,
) -> None:
    """The practice's calendars, or those that one person sees."""
    uow, about = session.uow, session.practice
    if staff_name is None:
        people = {m.id: m.user_name for m in staff.list_all(uow, about.id)}
        headings = ("Name", "Kind", "Person", "Id", "Active")
        rows = [
            (row.name, row.kind, people.get(row.staff_id or 0, ""), row.public_id, _yes(row.active))
            for row in calendars.list_all(uow, about.id)
        ]
    else:
        member = staff.get(uow, about.id, staff_name)
        headings = ("Name", "Kind", "Access", "Address", "Id")
        rows = [
            (info.name, info.kind, info.access, f"/{member.path_name}/{info.path_name}/", info.public_id)
            for info in calendars.list_for(uow, member.viewer())
        ]
    show_table(headings, rows)


@app.command("rename")
@writes
def rename(
    session: Session,
    calendar: CalendarName,
    name: Annotated[str, typer.Argument(help="What it is called from now on.")],
) -> str:
    """Give a calendar another name; who has renamed it on a device keeps that name there."""
    row = calendars.find(session.uow, session.practice.id, calendar)
    calendars.rename(session.uow, row.id, name)
    return f"{row.name}: is now called {name.strip()}"


@app.command("deactivate")
@writes
def deactivate(
    session: Session,
    calendar: CalendarName,
    force: Annotated[bool, typer.Option("--force", help="Also with appointments to come.")] = False,
) -> str:
    """Show a calendar to nobody any more; its appointments stay in the database."""
    row = calendars.find(session.uow, session.practice.id, calendar)
    alone = ahead.in_no_other(session, row)
    if alone and not force:
        raise Conflict(
            f"{row.name} has {counted(alone, 'appointment')} to come that no other calendar shows: move"
            f" or cancel them (agenda --calendar {row.public_id} --days {ahead.DAYS}), or give --force"
        )
    calendars.deactivate(session.uow, row.id)
    back = f"; 'calendar activate {row.public_id}' shows it again"
    return f"{row.name}: deactivated" + (back if row.kind is not CalendarKind.PRIVATE else "")


@app.command("activate")
@writes
def activate(session: Session, calendar: CalendarName) -> str:
    """Show a deactivated calendar of a practitioner or room again."""
    row = calendars.find(session.uow, session.practice.id, calendar, active=False)
    calendars.activate(session.uow, row.id)
    return f"{row.name}: activated"


@app.command("grant")
@writes
def grant(
    session: Session,
    calendar: CalendarName,
    user_name: UserName,
    access: Annotated[Access, typer.Argument(help="What the person may do.")],
) -> str:
    """Let a person see (busy, read) or change (write) a calendar, instead of what the role gives."""
    row = calendars.find(session.uow, session.practice.id, calendar)
    member = staff.get(session.uow, session.practice.id, user_name)
    calendars.grant(session.uow, row.id, member.id, access)
    return f"{row.name}: {member.user_name} has {access} access"


@app.command("revoke")
@writes
def revoke(session: Session, calendar: CalendarName, user_name: UserName) -> str:
    """Take a grant back; what the person's role gives counts again."""
    row = calendars.find(session.uow, session.practice.id, calendar)
    member = staff.get(session.uow, session.practice.id, user_name)
    had = calendars.revoke(session.uow, row.id, member.id)
    return f"{row.name}: " + ("grant taken back" if had else "there was no grant")


def _yes(value: bool) -> str:
    return "yes" if value else "no"
