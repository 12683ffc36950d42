"""The command line in this process: what tests of commands share."""

from __future__ import annotations

from collections.abc import Callable

from typer.testing import CliRunner, Result

from radicale_practice.cli.main import app

Run = Callable[..., Result]


def invoke(*arguments: str, typed: str | bytes | None = None) -> Result:
    """Run a command; whatever goes wrong, nothing but its own end with an exit code may come of it."""
    result = CliRunner().invoke(app, list(arguments), input=typed)
    assert result.exception is None or isinstance(result.exception, SystemExit), repr(result.exception)
    return result


def identifier(result: Result) -> str:
    """The id that a command says it made."""
    return str(result.stdout.split()[1].rstrip(":"))
