"""``location``: the practice's places."""

from __future__ import annotations

from typing import Annotated

import typer

from radicale_practice.cli.context import DatabaseOption, PracticeOption, reading, show_table, writing
from radicale_practice.practice import locations

app = typer.Typer(help="The practice's places, for 'appointment add --location'.", no_args_is_help=True)


@app.command("add")
def add(
    name: Annotated[str, typer.Argument(help="What the place is called, as it shows on devices.")],
    practice: PracticeOption = None,
    database: DatabaseOption = None,
) -> None:
    """Add a place."""
    with writing(database, practice) as session:
        added = locations.add(session.uow, session.practice.id, name)
    typer.echo(f"location {added.name} added")


@app.command("list")
def list_(practice: PracticeOption = None, database: DatabaseOption = None) -> None:
    """The practice's places."""
    with reading(database, practice) as session:
        found = locations.list_all(session.uow, session.practice.id)
    show_table(("Name", "Id", "Active"), ((p.name, p.public_id, "yes" if p.active else "no") for p in found))
