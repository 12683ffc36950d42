"""Two writers of one event at the same moment on PostgreSQL: whose upload waited is told to read again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.database.stepping import Step, wait_until_somebody_is_blocked
from tests.protocol.conftest import MakeClient, fresh_house
from tests.protocol.house import ANNA, House, event

DAY = "20270105T090000"
RULE = "RRULE:FREQ=WEEKLY;COUNT=5\r\n"

THEIRS = {
    "another field": "UPDATE appointment SET location_text = 'Saal'",
    "an instance": (
        "INSERT INTO appointment"
        " (practice_id, subject, starts_at, ends_at, time_zone, series_id, recurrence_id)"
        " SELECT practice_id, subject, '2027-01-12 11:00', '2027-01-12 11:30', time_zone, id,"
        " '2027-01-12 09:00' FROM appointment"
    ),
    "nothing": "UPDATE appointment SET note = note",
}
"""What somebody else writes between the reading of the event and the locking of its rows."""


@pytest.fixture
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    """The practice on PostgreSQL; on SQLite there is one writer at a time."""
    with fresh_house(request, "postgresql", tmp_path) as made:
        yield made


@pytest.mark.parametrize("theirs", THEIRS)
def test_an_upload_over_a_change_of_this_moment_is_not_taken_for_the_whole(
    own: MakeClient, house: House, database_url: str, theirs: str
) -> None:
    """Both changes are kept. An ETag in the reply would say that what was uploaded is all there is."""
    url = database_url.replace("+psycopg", "")
    client, path = own(), house.path(ANNA) + "s.ics"
    assert client.put(path, event("s@x", "Team", DAY, more=RULE)).status == 201
    etag = client.request("GET", path).etag
    assert etag is not None
    program, upload = psycopg.connect(url, autocommit=True), event("s@x", "Rat", DAY, more=RULE)
    program.execute("BEGIN")
    program.execute("SELECT FROM appointment FOR UPDATE")
    program.execute(THEIRS[theirs].encode())
    server = Step(lambda: client.put(path, upload, if_match=etag))
    assert wait_until_somebody_is_blocked(url, server)
    program.execute("COMMIT")
    program.close()
    answer = server.finished()
    assert answer.status == 204
    now = client.request("GET", path)
    assert "SUMMARY:Rat" in now.text
    if theirs == "nothing":
        assert (answer.etag, now.text) == (now.etag, upload)
    else:
        assert now.text != upload
        assert answer.etag is None
