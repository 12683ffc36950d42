"""If-Match and If-None-Match as clients write them; what the log filter hides."""

from __future__ import annotations

import logging

import pytest

from radicale_practice.plugins import conditions, logs

ETAG = '"abc-1"'


@pytest.mark.parametrize(
    ("match", "none", "etag", "failed"),
    [
        ("", "", None, False),
        ("", "", ETAG, False),
        ("*", "", ETAG, False),
        ("*", "", None, True),
        (ETAG, "", ETAG, False),
        (ETAG, "", None, True),
        ('"x", "abc-1" ,"y"', "", ETAG, False),
        ('"x","y"', "", ETAG, True),
        ("abc-1", "", ETAG, False),
        ('W/"abc-1"', "", ETAG, True),
        ('"W/"abc-1""', "", ETAG, True),
        ("", "*", None, False),
        ("", "*", ETAG, True),
        ("", ETAG, ETAG, True),
        ("", 'W/"abc-1"', ETAG, True),
        ("", '"x"', ETAG, False),
    ],
)
def test_conditions(match: str, none: str, etag: str | None, failed: bool) -> None:
    environ = {"HTTP_IF_MATCH": match, "HTTP_IF_NONE_MATCH": none}
    assert conditions.failed(environ, etag) is failed


CALENDAR = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"


@pytest.mark.parametrize(
    "message",
    [
        f"PUT response status for '/anna/{CALENDAR}/Maria Huber.ics' in 0.1 seconds: 201 Created",
        f"PUT response status for \"/anna/{CALENDAR}/Maria 'Mia' Huber.ics\" with depth '1' in 0.1 seconds",
        f"GET request for '/anna/{CALENDAR}/Huber' received",
        f"/anna/{CALENDAR}/Huber\n.ics",
    ],
)
def test_names_of_clients_are_hidden(message: str) -> None:
    assert "Huber" not in logs.masked(message)
    assert f"/{CALENDAR}/" in logs.masked(message)


def test_opaque_names_stay() -> None:
    path = f"/{CALENDAR}/0F1E2D3C-4B5A-6978-8796-A5B4C3D2E1F0.ics"
    assert logs.masked(path) == path


def test_exceptions_are_named_by_type_and_place() -> None:
    record = logging.LogRecord(
        "radicale", logging.ERROR, __file__, 1, "failed: %s", (ValueError("Huber"),), None
    )
    assert logs.ContentFilter().filter(record)
    assert record.getMessage() == "failed: ValueError"
    try:
        raise ValueError("Huber")
    except ValueError as error:
        info = (ValueError, error, error.__traceback__)
    record = logging.LogRecord("vobject.base", logging.WARNING, __file__, 1, "line: Huber", None, info)
    logs.ContentFilter().filter(record)
    assert "Huber" not in record.getMessage() and record.exc_info is None
