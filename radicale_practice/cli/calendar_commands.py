"""``calendar``: practitioners' and rooms' calendars, and who may do what with them."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from radicale_practice.cli.context import DatabaseOption, PracticeOption, console, reading, writing
from radicale_practice.practice import calendars, staff
from radicale_practice.practice.errors import InvalidValue
from radicale_practice.practice.model import Access, CalendarKind, Viewer

app = typer.Typer(help="Calendars of practitioners and rooms.", no_args_is_help=True)

CalendarName = Annotated[str, typer.Argument(help="Name, id, or its person's user name.")]
UserName = Annotated[str, typer.Argument(help="The user name of the person who gets access.")]


@app.command("add")
def add(
    name: Annotated[str, typer.Argument(help="What the calendar is called.")],
    staff_name: Annotated[
        str | None, typer.Option("--staff", help="User name of its person; without it: a room.")
    ] = None,
    private: Annotated[bool, typer.Option("--private", help="A private calendar of that person.")] = False,
    color: Annotated[str, typer.Option("--color", help="#RRGGBBAA; without it one that is free.")] = "",
    practice: PracticeOption = None,
    database: DatabaseOption = None,
) -> None:
    """Make a calendar: a room's, a practitioner's further one, or a private one."""
    kind = CalendarKind.ROOM if staff_name is None else CalendarKind.PRACTITIONER
    if private:
        kind = CalendarKind.PRIVATE
        if staff_name is None:
            raise InvalidValue("a private calendar needs --staff")
    with writing(database, practice) as session:
        person = None
        if staff_name is not None:
            person = staff.get(session.uow, session.practice.id, staff_name).id
        made = calendars.add(session.uow, session.practice.id, kind, name, staff_id=person, color=color)
    typer.echo(f"{made.name}: {made.kind} calendar {made.public_id}")


@app.command("list")
def list_(
    staff_name: Annotated[
        str | None, typer.Option("--staff", help="What this user name sees, and its access.")
    ] = None,
    practice: PracticeOption = None,
    database: DatabaseOption = None,
) -> None:
    """The practice's calendars, or those that one person sees."""
    with reading(database, practice) as session:
        if staff_name is None:
            people = {m.id: m.user_name for m in staff.list_all(session.uow, session.practice.id)}
            table = Table("Name", "Kind", "Person", "Id", "Active")
            for row in calendars.list_all(session.uow, session.practice.id):
                person = people.get(row.staff_id or 0, "")
                table.add_row(row.name, row.kind, person, row.public_id, "yes" if row.active else "no")
        else:
            viewer = viewer_of(staff.get(session.uow, session.practice.id, staff_name))
            table = Table("Name", "Kind", "Access", "Address")
            for info in calendars.list_for(session.uow, viewer):
                path = f"/{staff.path_name(viewer.user_name)}/{info.path_name}/"
                table.add_row(info.name, info.kind, info.access, path)
    console().print(table)


@app.command("grant")
def grant(
    calendar: CalendarName,
    user_name: UserName,
    access: Annotated[Access, typer.Argument(help="What the person may do.")],
    practice: PracticeOption = None,
    database: DatabaseOption = None,
) -> None:
    """Let a person see (busy, read) or change (write) a calendar, instead of what the role gives."""
    with writing(database, practice) as session:
        row = calendars.find(session.uow, session.practice.id, calendar)
        member = staff.get(session.uow, session.practice.id, user_name)
        calendars.grant(session.uow, row.id, member.id, access)
    typer.echo(f"{row.name}: {member.user_name} has {access} access")


@app.command("revoke")
def revoke(
    calendar: CalendarName,
    user_name: UserName,
    practice: PracticeOption = None,
    database: DatabaseOption = None,
) -> None:
    """Take a grant back; what the person's role gives counts again."""
    with writing(database, practice) as session:
        row = calendars.find(session.uow, session.practice.id, calendar)
        member = staff.get(session.uow, session.practice.id, user_name)
        had = calendars.revoke(session.uow, row.id, member.id)
    typer.echo(f"{row.name}: " + ("grant taken back" if had else "there was no grant"))


def viewer_of(member: staff.StaffMember) -> Viewer:
    """The person as a viewer, as after signing in with the staff password."""
    return Viewer(
        practice_id=member.practice_id,
        staff_id=member.id,
        user_name=member.user_name,
        display_name=member.display_name,
        role=member.role,
    )
