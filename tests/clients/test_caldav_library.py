"""The python ``caldav`` library."""

from __future__ import annotations

import uuid
from datetime import date, datetime, time, timedelta
from urllib.parse import urlsplit

import caldav
import caldav.lib.error
import pytest

from tests.clients import cycle
from tests.clients.events import VIENNA, event, fact, occurrences
from tests.clients.servers import Account, Served
from tests.sync_client import uid_of


class CaldavLibrary:
    """Objects of the library are kept from one pull to the next, as a program would keep them."""

    def __init__(self, url: str, account: Account):
        self._client = caldav.DAVClient(url, username=account.user_name, password=account.password)
        self._calendars: dict[str, caldav.Calendar] = {}
        self._copies: dict[str, caldav.collection.SynchronizableCalendarObjectCollection] = {}

    def discover(self) -> set[str]:
        calendars = self._client.principal().calendars()
        self._calendars = {_key(str(calendar.url)): calendar for calendar in calendars}
        return set(self._calendars)

    def pull(self, calendar: str) -> dict[str, str]:
        if calendar in self._copies:
            self._copies[calendar].sync()
        else:
            listed = self._calendars[calendar].objects_by_sync_token(load_objects=False)
            self._load(calendar, list(listed))
            self._copies[calendar] = listed
        return self.kept(calendar)

    def kept(self, calendar: str) -> dict[str, str]:
        """The objects as they are, without asking the server."""
        return {uid_of(str(one.data)): str(one.data) for one in self._copies[calendar]}

    def _load(self, calendar: str, listed: list[caldav.CalendarObjectResource]) -> None:
        """By multiget; the library itself sends a GET for each object."""
        by_path = {one.url.path: one for one in listed}
        for loaded in self._calendars[calendar].multiget([one.url for one in listed]):
            one = by_path[loaded.url.path]
            one.data, one.props = loaded.data, loaded.props

    def shown(self, calendar: str, uid: str) -> str | None:
        return self.pull(calendar).get(uid)

    def create(self, calendar: str, text: str) -> None:
        self._calendars[calendar].save_event(text, no_overwrite=True)
        self.pull(calendar)

    def edit(self, calendar: str, text: str) -> None:
        known = self._known(calendar, uid_of(text))
        known.data = text
        known.save(increase_seqno=False)

    def edit_stale(self, calendar: str, text: str) -> None:
        known = self._known(calendar, uid_of(text))
        known.data = text
        with pytest.raises(caldav.lib.error.ETagMismatchError):
            known.save(increase_seqno=False)
        known.load()

    def move(self, uid: str, source: str, target: str) -> None:
        event = self._known(source, uid)
        destination = f"{self._calendars[target].url}{_key(str(event.url))}"
        answer = self._client.request(str(event.url), "MOVE", headers={"Destination": destination})
        assert answer.status in (201, 204), answer.status

    def delete(self, calendar: str, uid: str) -> None:
        self._known(calendar, uid).delete(if_match=True)

    def week(self, calendar: str, start: datetime, days: int = 7) -> list[str]:
        """The VCALENDARs of a search by time range, series expanded by the server."""
        found = self._calendars[calendar].search(
            start=start, end=start + timedelta(days=days), event=True, server_expand=True
        )
        return [str(one.data) for one in found]

    def open_ended(self, calendar: str, **bound: datetime) -> set[str]:
        """The UIDs that a search with only a start or only an end finds."""
        found = self._calendars[calendar].search(event=True, expand=False, **bound)
        return {uid_of(str(one.data)) for one in found}

    def _known(self, calendar: str, uid: str) -> caldav.CalendarObjectResource:
        return next(one for one in self._copies[calendar] if uid_of(str(one.data)) == uid)


def _key(url: str) -> str:
    return urlsplit(url).path.rstrip("/").rsplit("/", 1)[-1]


def test_full_cycle(served: Served, today: date) -> None:
    account = served.account("practitioner", 0)
    cycle.full_cycle(cycle.scene(CaldavLibrary(served.url, account), served, account, today))


def test_week_by_time_range(served: Served, today: date) -> None:
    """A search with expansion by the server finds the occurrences of that week, and only those."""
    account = served.account("practitioner", 1)
    driver = CaldavLibrary(served.url, account)
    driver.discover()
    calendar = account.writable()[-1].key
    driver.pull(calendar)
    first = datetime.combine(today + timedelta(days=40), time(5, 20))
    uid = f"week-{uuid.uuid4()}@example.org"
    driver.create(calendar, event(uid, "Gymnastik", first, rule="FREQ=DAILY;INTERVAL=2;COUNT=40"))
    texts = driver.week(calendar, datetime.combine(first + timedelta(days=10), time(0), tzinfo=VIENNA))
    found = [one for text in texts if uid_of(text) == uid for one in occurrences(text, first)]
    assert sorted(found) == [fact("Gymnastik", first + timedelta(days=days)) for days in (10, 12, 14, 16)]
    driver.delete(calendar, uid)


def test_open_ended_ranges(served: Served, today: date) -> None:
    """With only a start or only an end; an event with a DURATION instead of an end counts to its end."""
    account = served.account("practitioner", 1)
    driver = CaldavLibrary(served.url, account)
    driver.discover()
    calendar = account.writable()[-1].key
    driver.pull(calendar)
    start = datetime.combine(today + timedelta(days=41), time(5), tzinfo=VIENNA)
    uid = f"open-{uuid.uuid4()}@example.org"
    text = event(uid, "Gymnastik", start.replace(tzinfo=None), 60)
    end = next(line for line in text.splitlines() if line.startswith("DTEND"))
    driver.create(calendar, text.replace(end, "DURATION:PT1H"))
    inside = start + timedelta(minutes=30)
    assert uid in driver.open_ended(calendar, start=inside)
    assert uid in driver.open_ended(calendar, end=inside)
    assert uid not in driver.open_ended(calendar, start=start + timedelta(hours=1))
    assert uid not in driver.open_ended(calendar, end=start)
    driver.delete(calendar, uid)
