"""``location``: the practice's places."""

from __future__ import annotations

from typing import Annotated

import typer

from radicale_practice.cli.context import Session, reads, show_table, writes
from radicale_practice.practice import locations

app = typer.Typer(help="The practice's places, for 'appointment add --location'.", no_args_is_help=True)


@app.command("add")
@writes
def add(
    session: Session,
    name: Annotated[str, typer.Argument(help="What the place is called, as it shows on devices.")],
) -> str:
    """Add a place."""
    added = locations.add(session.uow, session.practice.id, name)
    return f"location {added.name} added"


@app.command("list")
@reads
def list_(session: Session) -> None:
    """The practice's places."""
    found = locations.list_all(session.uow, session.practice.id)
    show_table(("Name", "Id", "Active"), ((p.name, p.public_id, "yes" if p.active else "no") for p in found))
