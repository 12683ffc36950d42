"""What every command shares: which database, which practice, and errors as one clear line."""

from __future__ import annotations

import configparser
import errno
import getpass
import inspect
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, Concatenate, NoReturn, ParamSpec

import typer
from rich import box
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from typer.core import TyperGroup

from radicale_practice.cli import outages
from radicale_practice.practice import migrate, practices
from radicale_practice.practice.database import Database, UnitOfWork, translated_errors
from radicale_practice.practice.errors import InvalidValue, PracticeError, Unavailable
from radicale_practice.practice.model import Actor
from radicale_practice.practice.projections import Practice

P = ParamSpec("P")

ENVIRONMENT = "RADICALE_PRACTICE_DATABASE"
CONFIGURATION = "RADICALE_CONFIG"

DatabaseOption = Annotated[
    str | None,
    typer.Option(
        "--database",
        metavar="URL",
        help="The database, such as sqlite:////var/lib/practice/practice.db or postgresql://host/name. Else"
        f" {ENVIRONMENT}, else [storage] database in Radicale's configuration.",
    ),
]
PracticeOption = Annotated[
    str | None,
    typer.Option("--practice", metavar="NAME", help="Name or id, needed if there are several practices."),
]


@dataclass(frozen=True, slots=True)
class Session:
    """One open unit of work for a command, and the practice it is about."""

    uow: UnitOfWork
    practice: Practice
    actor: Actor


class CleanGroup(TyperGroup):
    """Turns what goes wrong into one line on standard error and exit code 1 (2: a wrong argument)."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        try:
            with translated_errors():
                return super().invoke(ctx)
        except InvalidValue as error:
            fail(str(error), 2)
        except Unavailable as error:
            fail(outages.reason(error))
        except PracticeError as error:
            fail(str(error) or type(error).__name__)
        except (ArgumentError, NoSuchModuleError):
            fail("the database's address is not one like sqlite:////path or postgresql://host/name", 2)
        except DBAPIError as error:
            # The driver's message can quote a row.
            fail(f"the database refused this ({type(error.orig).__name__})")
        except UnicodeError:
            fail("a text that was given is not UTF-8", 2)
        except OverflowError:
            fail("a day or a number that was given is out of range", 2)
        except OSError as error:
            if error.errno == errno.EPIPE:
                raise  # who reads has seen enough (head): no error, typer ends quietly
            fail(f"{error.filename or 'input or output'}: {error.strerror or type(error).__name__}")


def fail(message: str, code: int = 1) -> NoReturn:
    """Say what is wrong on standard error and leave."""
    typer.echo(f"radicale-practice: {message}", err=True)
    raise typer.Exit(code)


def progress_bars() -> Progress:
    """Bars for long work, gone at its end: on the terminal of standard error, nowhere else."""
    there = Console(stderr=True, highlight=False, soft_wrap=True)
    return Progress(console=there, transient=True, disable=not there.is_terminal)


PIPE_WIDTH = 10_000
"""Columns where there is no terminal: nothing is cut or folded."""


def show_table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table whole: on a narrow terminal long cells are folded, in a pipe lines are as long as needed.

    Without headings the first cell of each row names it.
    """
    there = Console(highlight=False, markup=False, emoji=False)
    if not there.is_terminal:
        there.width = PIPE_WIDTH
    table = Table(show_header=bool(headings), box=box.SQUARE if there.is_terminal else None)
    cells = [[str(cell) for cell in row] for row in rows]
    for number in range(len(headings) or max(map(len, cells), default=0)):
        table.add_column(headings[number] if headings else "", overflow="fold")
    for row in cells:
        table.add_row(*row)
    there.print(table)


def actor() -> Actor:
    """Who changes something at the command line: this program, and the user of this machine."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = ""
    return Actor(program=f"radicale-practice ({user})" if user else "radicale-practice")


def database_url(given: str | None, configuration: Path | None = None) -> str:
    """The address of the database: the option, the environment, Radicale's configuration.

    ``configuration``: that file, instead of those where Radicale looks.

    Raises ``InvalidValue`` if none says.
    """
    url = given or os.environ.get(ENVIRONMENT) or configured("storage", "database", configuration)
    if not url:
        raise InvalidValue(
            f"no database named: use --database, {ENVIRONMENT}, or [storage] database in Radicale's"
            " configuration"
        )
    return url


def open_database(given: str | None, configuration: Path | None = None) -> Database:
    """The database, set up and of this version. Raises ``Unavailable`` or ``InvalidValue``."""
    database = Database(database_url(given, configuration))
    outages.require_place(database.url)
    with outages.explained(), database.read() as uow:
        if not migrate.is_current(uow):
            raise Unavailable("the database is not set up for this version: run radicale-practice init")
    return database


@contextmanager
def reading(database: str | None, practice: str | None = None) -> Iterator[Session]:
    """A session that only reads."""
    opened = open_database(database)
    try:
        with opened.read() as uow:
            yield Session(uow, practices.find(uow, practice), uow.actor)
    finally:
        opened.dispose()


@contextmanager
def writing(database: str | None, practice: str | None = None) -> Iterator[Session]:
    """A session whose changes are kept if the command ends well."""
    opened = open_database(database)
    try:
        with opened.write(actor()) as uow:
            yield Session(uow, practices.find(uow, practice), uow.actor)
    finally:
        opened.dispose()


def reads(command: Callable[Concatenate[Session, P], None]) -> Callable[..., None]:
    """A command over one practice that changes nothing: its first argument is the session.

    The options that say which database and which practice come with it.
    """

    @wraps(command)
    def run(*, practice: str | None, database: str | None, **given: Any) -> None:
        with reading(database, practice) as session:
            command(session, **given)  # type: ignore[call-arg]

    return _with_its_place(run, command)


def writes(command: Callable[Concatenate[Session, P], str]) -> Callable[..., None]:
    """The same for one that changes something and returns what it did: it is said when the change is kept.

    Not for what asks or waits for somebody: SQLite has one writer.
    """

    @wraps(command)
    def run(*, practice: str | None, database: str | None, **given: Any) -> None:
        with writing(database, practice) as session:
            said = command(session, **given)  # type: ignore[call-arg]
        typer.echo(said)

    return _with_its_place(run, command)


def _with_its_place(run: Callable[..., None], command: Callable[..., object]) -> Callable[..., None]:
    """What typer reads: the command's parameters behind the session, then practice and database."""
    signature = inspect.signature(command, eval_str=True)
    place = {"practice": PracticeOption, "database": DatabaseOption}
    more = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=option)
        for name, option in place.items()
    ]
    parameters = [*list(signature.parameters.values())[1:], *more]
    run.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    return run


def configured(section: str, option: str, configuration: Path | None = None) -> str:
    """An option of Radicale's configuration (this file, else those where Radicale looks); "" if not there."""
    named = os.environ.get(CONFIGURATION)
    paths = [path.lstrip("?") for path in named.split(os.pathsep)] if named else ["config/radicale.conf"]
    paths += ["~/.config/radicale/config", "/etc/radicale/config"]
    for path in [str(configuration)] if configuration else paths:
        parser = configparser.RawConfigParser()
        try:
            parser.read_string(Path(path).expanduser().read_text(encoding="utf-8"))
        except (OSError, configparser.Error, UnicodeDecodeError):
            continue
        value = parser.get(section, option, fallback="")
        if value:
            return value
    return ""
