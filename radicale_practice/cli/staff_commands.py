"""``staff``: who can sign in."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from radicale_practice.cli import ahead
from radicale_practice.cli.context import (
    DatabaseOption,
    PracticeOption,
    Session,
    reading,
    reads,
    show_table,
    writes,
    writing,
)
from radicale_practice.cli.moments import counted
from radicale_practice.practice.errors import InvalidValue
from radicale_practice.practice.model import Role
from radicale_practice.practice.people import staff

app = typer.Typer(help="People who can sign in.", no_args_is_help=True)

UserName = Annotated[str, typer.Argument(help="The user name, as it is typed when signing in.")]
PasswordStdin = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from standard input, one line.")
]


def read_password(from_stdin: bool) -> str:
    """The new password, asked for twice without echo or read as one line; never an argument."""
    if from_stdin:
        # as bytes: what text is in them must not depend on the terminal's language
        return sys.stdin.buffer.readline().decode().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise InvalidValue("no terminal to ask for the password: use --password-stdin")
    return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True))


@app.command("add")
def add(
    user_name: UserName,
    name: Annotated[str, typer.Option("--name", help="The person's name as others see it.")] = "",
    role: Annotated[
        Role, typer.Option("--role", help="What the person may do by default.")
    ] = Role.PRACTITIONER,
    email: Annotated[str, typer.Option("--email", help="E-mail address.")] = "",
    password_stdin: PasswordStdin = False,
    practice: PracticeOption = None,
    database: DatabaseOption = None,
) -> None:
    """Make an account; a practitioner gets a calendar too, everyone a private one."""
    password = read_password(password_stdin)
    with writing(database, practice) as session:
        member = staff.add(session.uow, session.practice.id, user_name, name, role, password, email)
    typer.echo(f"{member.user_name}: added as {member.role}; address /{member.path_name}/")


@app.command("list")
@reads
def list_(session: Session) -> None:
    """Who there is."""
    members = staff.list_all(session.uow, session.practice.id)
    show_table(
        ("User name", "Name", "Role", "E-mail", "Signs in"),
        (
            (m.user_name, m.display_name, m.role, m.email, "yes" if m.active else "deactivated")
            for m in members
        ),
    )


@app.command("change")
@writes
def change(
    session: Session,
    user_name: UserName,
    name: Annotated[str | None, typer.Option("--name", help="The person's name as others see it.")] = None,
    email: Annotated[str | None, typer.Option("--email", help="E-mail address; '' for none.")] = None,
) -> str:
    """Change a person's name or e-mail address; the calendar keeps its name (see 'calendar rename')."""
    member = staff.get(session.uow, session.practice.id, user_name)
    member = staff.describe(session.uow, member.id, name, email)
    return f"{member.user_name}: {member.display_name}" + (f", {member.email}" if member.email else "")


@app.command("password")
def password(
    user_name: UserName,
    password_stdin: PasswordStdin = False,
    practice: PracticeOption = None,
    database: DatabaseOption = None,
) -> None:
    """Give a new password; the old one is out at once."""
    with reading(database, practice) as session:
        staff.get(session.uow, session.practice.id, user_name)
    new = read_password(password_stdin)
    with writing(database, practice) as session:
        member = staff.get(session.uow, session.practice.id, user_name)
        staff.set_password(session.uow, member.id, new)
    typer.echo(f"{member.user_name}: password changed")


@app.command("role")
@writes
def role(
    session: Session,
    user_name: UserName,
    role: Annotated[Role, typer.Argument(help="What the person may do by default.")],
) -> str:
    """Give another role."""
    member = staff.get(session.uow, session.practice.id, user_name)
    staff.set_role(session.uow, member.id, role)
    return f"{member.user_name}: {role}"


@app.command("deactivate")
@writes
def deactivate(session: Session, user_name: UserName) -> str:
    """Nobody signs in with this account any more, from the next request on."""
    member = staff.get(session.uow, session.practice.id, user_name)
    staff.deactivate(session.uow, member.id)
    to_come = ahead.of_person(session, member.id)
    return f"{member.user_name}: deactivated" + (
        f"; the calendar stays, with {counted(to_come, 'appointment')} to come" if to_come else ""
    )


@app.command("activate")
@writes
def activate(session: Session, user_name: UserName) -> str:
    """Let a deactivated account sign in again."""
    member = staff.get(session.uow, session.practice.id, user_name)
    staff.activate(session.uow, member.id)
    return f"{member.user_name}: activated"
