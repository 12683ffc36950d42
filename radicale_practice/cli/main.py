"""``radicale-practice``: the command line, thin over the public functions of ``practice``."""

from __future__ import annotations

from typing import Annotated

import typer

from radicale_practice import __version__
from radicale_practice.cli import (
    agenda_commands,
    appointment_commands,
    attention_commands,
    calendar_commands,
    location_commands,
    patient_commands,
    record_commands,
    serve_commands,
    staff_commands,
    upkeep_commands,
    watch_commands,
)
from radicale_practice.cli.context import CleanGroup

app = typer.Typer(
    cls=CleanGroup,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="A two-way CalDAV server over a practice's appointment database.",
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"radicale-practice {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say the version and leave.")
    ] = False,
) -> None:
    pass


app.command("init")(upkeep_commands.init)
app.command("serve")(serve_commands.serve)
app.command("demo")(serve_commands.demo)
app.add_typer(staff_commands.app, name="staff")
app.add_typer(calendar_commands.app, name="calendar")
app.add_typer(location_commands.app, name="location")
app.add_typer(patient_commands.app, name="patient")
app.add_typer(appointment_commands.app, name="appointment")
app.add_typer(appointment_commands.series_app, name="series")
app.command("agenda")(agenda_commands.agenda)
app.command("journal")(record_commands.journal)
app.add_typer(attention_commands.app, name="attention")
app.command("undo")(record_commands.undo)
app.command("watch")(watch_commands.watch)
app.add_typer(upkeep_commands.settings_app, name="settings")
app.command("maintain")(upkeep_commands.maintain)
app.command("check")(upkeep_commands.check)
app.command("new-epoch")(upkeep_commands.new_epoch)

if __name__ == "__main__":
    app()
