"""The full cycle that every real client goes through, against whatever server.

A client is anything that satisfies ``Driver``; the other side is a sync client of ours (the reception) and,
where there is a database, a foreign program in plain SQL.
"""

from __future__ import annotations

import random
import re
import string
import uuid
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Protocol

from tests.clients import events
from tests.clients.events import Moved, event, fact, occurrences
from tests.clients.plain_sql import PracticeProgram
from tests.clients.servers import Account, CalendarEntry, Served
from tests.sync_client import CalendarCopy, uid_of

StoredFacts = frozenset[tuple[str, events.Fact]]


class Driver(Protocol):
    """What the cycle asks of a client. Calendars are named by the last segment of their path."""

    def discover(self) -> set[str]:
        """The calendars found from the bare address, user name and password."""

    def pull(self, calendar: str) -> dict[str, str]:
        """Synchronise; the client's own copy afterwards, UID -> VCALENDAR text."""

    def shown(self, calendar: str, uid: str) -> str | None:
        """Synchronise; the client's text of one event afterwards, or None."""

    def create(self, calendar: str, text: str) -> None:
        """The user makes this event; it is on the server afterwards."""

    def edit(self, calendar: str, text: str) -> None:
        """The user changes the event with that UID to this; it is on the server afterwards."""

    def edit_stale(self, calendar: str, text: str) -> None:
        """The same when the server has changed unseen.

        Raises if the client does not notice the 412; settles it in favour of the server where the client
        asks its user.
        """

    def move(self, uid: str, source: str, target: str) -> None:
        """The user moves the event to another calendar, in the client's own way."""

    def delete(self, calendar: str, uid: str) -> None:
        """The user deletes the event; it is gone from the server afterwards."""


@dataclass
class Scene:
    """One client in front of one server, with the other side beside it."""

    driver: Driver
    served: Served
    account: Account
    source: CalendarEntry
    target: CalendarEntry
    reception: CalendarCopy
    reception_target: CalendarCopy
    program: PracticeProgram | None
    day: date
    cuts_letters: bool = False
    """Whether the client may show U+FFFD for a letter of several bytes (Thunderbird under stock Radicale)."""
    run: str = field(default_factory=lambda: uuid.uuid4().hex[:8])

    def uid(self, name: str) -> str:
        """A UID of this run."""
        return f"{name}-{self.run}@example.org"

    def at(self, hour: int, minute: int = 0) -> datetime:
        """A local time of the day the cycle plays on."""
        return datetime.combine(self.day, time(hour, minute))

    def own_copy(self, calendar: CalendarEntry) -> CalendarCopy:
        """A fresh copy of the calendar as the client's own account sees it."""
        copy = CalendarCopy(calendar.url, self.account.user_name, self.account.password)
        copy.refresh()
        return copy


def scene(driver: Driver, served: Served, account: Account, today: date) -> Scene:
    """The scene for the first two calendars the account may write, with a receptionist on the same ones."""
    source, target = account.writable()[:2]
    # A desk of its own for every client: one alone would run into the burst brake.
    desk = "Desk-" + "".join(random.choices(string.ascii_lowercase, k=12))
    return Scene(
        driver=driver,
        served=served,
        account=account,
        source=source,
        target=target,
        reception=_other_side(served, account, source, desk),
        reception_target=_other_side(served, account, target, desk),
        program=PracticeProgram(served.database_url) if served.database_url else None,
        day=today + timedelta(days=16),
    )


def _other_side(served: Served, account: Account, calendar: CalendarEntry, desk: str) -> CalendarCopy:
    copy = _copy_of_other_side(served, account, calendar)
    copy.session.headers["User-Agent"] = desk
    return copy


def _copy_of_other_side(served: Served, account: Account, calendar: CalendarEntry) -> CalendarCopy:
    for other in served.accounts:
        if other is account or other.role != "receptionist":
            continue
        for entry in other.writable():
            if entry.key == calendar.key:
                return CalendarCopy(entry.url, other.user_name, other.password)
    return CalendarCopy(calendar.url, account.user_name, account.password)


def full_cycle(s: Scene) -> None:
    """Everything of the cycle; an assertion names the step that failed."""
    discover_and_pull(s)
    create_edit_move_in_time(s)
    changes_by_reception(s)
    changes_by_plain_sql(s)
    change_in_between(s)
    series(s)
    move_between_calendars_and_delete(s)
    nothing_left_over(s)


def discover_and_pull(s: Scene) -> None:
    """All calendars are found from the bare address; the first pull has every event as the server has it."""
    found = s.driver.discover()
    assert found >= {entry.key for entry in s.account.calendars}, found
    _same_as_server(s, s.source)


def create_edit_move_in_time(s: Scene) -> None:
    """What the client creates and changes, the reception sees."""
    uid = s.uid("own")
    s.driver.create(s.source.key, event(uid, "Teambesprechung Übergabe", s.at(5)))
    assert _seen_by_reception(s, uid) == [fact("Teambesprechung Übergabe", s.at(5))]

    s.driver.edit(s.source.key, event(uid, "Besprechung im Team", s.at(5), sequence=1))
    assert _seen_by_reception(s, uid) == [fact("Besprechung im Team", s.at(5))]

    s.driver.edit(s.source.key, event(uid, "Besprechung im Team", s.at(6, 15), 45, sequence=2))
    assert _seen_by_reception(s, uid) == [fact("Besprechung im Team", s.at(6, 15), 45)]
    assert _seen_by_client(s, uid) == [fact("Besprechung im Team", s.at(6, 15), 45)]


def changes_by_reception(s: Scene) -> None:
    """What the reception creates, changes and deletes, the client sees."""
    uid = s.uid("own")
    _reception_puts(s, event(uid, "Besprechung im Team", s.at(6, 30), sequence=3))
    assert _seen_by_client(s, uid) == [fact("Besprechung im Team", s.at(6, 30))]

    new = s.uid("reception")
    s.reception.put(f"{new}.ics", event(new, "Lieferung", s.at(4)), new=True)
    assert _seen_by_client(s, new) == [fact("Lieferung", s.at(4))]
    s.reception.refresh()
    s.reception.delete(s.reception.href_of(new))
    assert s.driver.shown(s.source.key, new) is None


def changes_by_plain_sql(s: Scene) -> None:
    """What a foreign program writes into the tables, the client sees."""
    if s.program is None:
        return
    uid, key = s.uid("own"), s.source.key
    s.program.move(key, uid, s.at(7))
    assert _seen_by_client(s, uid) == [fact("Besprechung im Team", s.at(7))]

    new = s.program.insert(key, "Aus dem Praxisprogramm", s.at(4, 30))
    assert _seen_by_client(s, new) == [fact("Aus dem Praxisprogramm", s.at(4, 30))]
    s.program.cancel(key, new)
    assert s.driver.shown(key, new) is None


def change_in_between(s: Scene) -> None:
    """The client's change meets one it has not seen (412): the server's stands, and the client shows it."""
    uid = s.uid("own")
    assert s.driver.shown(s.source.key, uid) is not None
    _reception_puts(s, event(uid, "Von der Rezeption", s.at(7, 30), sequence=9))
    s.driver.edit_stale(s.source.key, event(uid, "Vom Gerät", s.at(8), sequence=4))
    assert _seen_by_reception(s, uid) == [fact("Von der Rezeption", s.at(7, 30))]
    assert _seen_by_client(s, uid) == [fact("Von der Rezeption", s.at(7, 30))]
    if s.program is None:
        return
    s.program.move(s.source.key, uid, s.at(7, 45))
    s.driver.edit_stale(s.source.key, event(uid, "Vom Gerät", s.at(8), sequence=11))
    assert _seen_by_client(s, uid) == [fact("Von der Rezeption", s.at(7, 45))]


def series(s: Scene) -> None:
    """A weekly series over a change of the clocks: one occurrence moved, one deleted, on either side."""
    uid, rule = s.uid("series"), "FREQ=WEEKLY;COUNT=6"
    tuesday = events.next_change_of_clocks(s.day) - timedelta(days=12)
    first = datetime.combine(tuesday, time(5))
    starts = [first + timedelta(weeks=number) for number in range(6)]
    moved = Moved(starts[2], starts[2] + timedelta(hours=1), "Supervision später")

    s.driver.create(s.source.key, event(uid, "Supervision", first, rule=rule))
    assert _seen_by_reception(s, uid, first) == [fact("Supervision", start) for start in starts]

    s.driver.edit(s.source.key, event(uid, "Supervision", first, rule=rule, moved=[moved], sequence=1))
    expected = [fact("Supervision", start) for start in starts]
    expected[2] = fact(moved.title, moved.start)
    assert _seen_by_reception(s, uid, first) == expected

    without = [starts[4]]
    s.driver.edit(
        s.source.key, event(uid, "Supervision", first, rule=rule, moved=[moved], without=without, sequence=2)
    )
    del expected[4]
    assert _seen_by_reception(s, uid, first) == expected
    assert _seen_by_client(s, uid, first) == expected

    without = [starts[4], starts[1]]
    moved = Moved(starts[2], starts[2] + timedelta(hours=2), "Supervision noch später")
    _reception_puts(
        s, event(uid, "Supervision", first, rule=rule, moved=[moved], without=without, sequence=3)
    )
    expected[2] = fact(moved.title, moved.start)
    del expected[1]
    assert _seen_by_client(s, uid, first) == expected


def move_between_calendars_and_delete(s: Scene) -> None:
    """An event goes to another calendar, another is deleted; nothing is lost and nothing twice."""
    uid = s.uid("traveller")
    s.driver.create(s.source.key, event(uid, "Fortbildung", s.at(9)))
    assert _seen_by_reception(s, uid) == [fact("Fortbildung", s.at(9))]
    s.driver.pull(s.target.key)
    s.driver.move(uid, s.source.key, s.target.key)
    s.reception.refresh()
    assert s.reception.by_uid(uid) is None
    s.reception_target.refresh()
    text = s.reception_target.by_uid(uid)
    assert text is not None and occurrences(text, s.at(0)) == [fact("Fortbildung", s.at(9))]
    assert s.driver.shown(s.source.key, uid) is None
    assert s.driver.shown(s.target.key, uid) is not None

    gone = s.uid("own")
    s.driver.delete(s.source.key, gone)
    s.reception.refresh()
    assert s.reception.by_uid(gone) is None
    assert s.driver.shown(s.source.key, gone) is None
    if s.program is not None:
        assert s.program.status(s.source.key, gone) == "cancelled"


def nothing_left_over(s: Scene) -> None:
    """At the end the client's copies of both calendars say what the server says."""
    _same_as_server(s, s.source)
    _same_as_server(s, s.target)


def _same_as_server(s: Scene, calendar: CalendarEntry) -> None:
    client = events.facts_by_uid(s.driver.pull(calendar.key).items())
    server = events.facts_by_uid(s.own_copy(calendar).texts().items())
    if s.cuts_letters:
        client = {uid: _mended(facts, server.get(uid, frozenset())) for uid, facts in client.items()}
    different = {uid for uid in client.keys() & server.keys() if client[uid] != server[uid]}
    found = {
        "only in the client": [client[uid] for uid in client.keys() - server.keys()],
        "only on the server": [server[uid] for uid in server.keys() - client.keys()],
        "different": [(client[uid], server[uid]) for uid in different],
    }
    assert not any(found.values()), f"of {len(server)}: {found}"


def _mended(client: StoredFacts, server: StoredFacts) -> StoredFacts:
    """The client's facts, a title with a letter cut in half as on the server if all else in it fits."""

    def mended(original: str, one: events.Fact) -> events.Fact:
        pattern = ".".join(map(re.escape, re.split("\ufffd+", one[0])))
        fitting = [s for o, s in server if o == original and s[1:] == one[1:] and re.fullmatch(pattern, s[0])]
        return fitting[0] if "\ufffd" in one[0] and fitting else one

    return frozenset((original, mended(original, one)) for original, one in client)


def _reception_puts(s: Scene, text: str) -> None:
    s.reception.refresh()
    href = s.reception.href_of(uid_of(text))
    s.reception.put(href, text, etag=s.reception.members[href].etag)


def _seen_by_reception(s: Scene, uid: str, around: datetime | None = None) -> list[events.Fact]:
    s.reception.refresh()
    text = s.reception.by_uid(uid)
    return [] if text is None else occurrences(text, around or s.at(0))


def _seen_by_client(s: Scene, uid: str, around: datetime | None = None) -> list[events.Fact]:
    text = s.driver.shown(s.source.key, uid)
    return [] if text is None else occurrences(text, around or s.at(0))
