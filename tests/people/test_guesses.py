"""The brake on guessing passwords keeps the guessing address waiting, and nobody else."""

from __future__ import annotations

from typing import Any

import pytest

from radicale_practice.plugins.addresses import address_of
from radicale_practice.practice.database import Database
from radicale_practice.practice.errors import Unavailable
from radicale_practice.practice.model import Role
from radicale_practice.practice.people import guesses, passwords, staff
from radicale_practice.practice.projections import Practice

RIGHT = "ahorn-birke-1"
HOME, AWAY = "203.0.113.7", "198.51.100.9"


class Clock:
    """A clock that stands until it is set."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def key(number: int) -> bytes:
    """The keyed hash of some wrong password."""
    return number.to_bytes(4, "big")


def test_ten_different_ones_for_an_account_then_its_address_waits() -> None:
    clock = Clock()
    wrong = guesses.Guesses(clock)
    for number in range(guesses.MOST_FOR_ACCOUNT):
        assert not wrong.too_many(HOME, "anna")
        for _ in range(3):
            wrong.add(HOME, "anna", key(number))
    assert wrong.too_many(HOME, "anna")
    assert not wrong.too_many(HOME, "ben")
    assert not wrong.too_many(AWAY, "anna")
    clock.now += guesses.SECONDS + 1
    assert not wrong.too_many(HOME, "anna")
    assert not wrong.is_known(HOME, key(0))


def test_an_address_that_tries_many_accounts_waits_and_memory_is_bounded() -> None:
    wrong = guesses.Guesses(Clock())
    for number in range(guesses.MOST_FROM_ADDRESS):
        wrong.add(HOME, str(number), key(number))
    assert wrong.too_many(HOME, "anna")
    for number in range(guesses.ADDRESSES):
        wrong.add(f"10.0.{number // 256}.{number % 256}", "anna", key(number))
    assert not wrong.is_known(HOME, key(1))
    wrong.add("", "anna", key(1))
    assert not wrong.is_known("", key(1))


def test_the_right_password_forgives_the_slips_before_it() -> None:
    wrong = guesses.Guesses(Clock())
    for number in range(guesses.MOST_FOR_ACCOUNT - 1):
        wrong.add(HOME, "anna", key(number))
    wrong.forget(HOME, "anna")
    wrong.add(HOME, "anna", key(99))
    assert not wrong.too_many(HOME, "anna")


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The passwords that were computed."""
    done: list[str] = []
    real = passwords.verify

    def verify(password: str, stored: str | None) -> tuple[bool, str | None]:
        done.append(password)
        return real(password, stored)

    monkeypatch.setattr(passwords, "verify", verify)
    made = guesses.Guesses()
    monkeypatch.setattr(staff, "_guesses", lambda: made)
    return done


@pytest.mark.parametrize("name", ["anna müller", "nobody"])
def test_signing_in(database: Database, practice: Practice, computed: list[str], name: str) -> None:
    with database.write() as uow:
        staff.add(uow, practice.id, "anna müller", "Anna", Role.PRACTITIONER, RIGHT)
    for number in range(guesses.MOST_FOR_ACCOUNT):
        for typed in (name, name.replace(" ", "_")):
            assert staff.authenticate(database, typed, f"wrong-guess-{number}", address=HOME) is None
    assert len(computed) == guesses.MOST_FOR_ACCOUNT
    for typed in ("wrong-guess-x", RIGHT):
        with pytest.raises(Unavailable):
            staff.authenticate(database, name, typed, address=HOME)
    # a device with an old password hears that it is wrong, not that it has to wait
    assert staff.authenticate(database, name, "wrong-guess-0", address=HOME) is None
    assert len(computed) == guesses.MOST_FOR_ACCOUNT
    for address in (AWAY, ""):
        assert (staff.authenticate(database, name, RIGHT, address=address) is None) is (name == "nobody")


def test_who_signed_in_a_short_while_ago_does_not_wait(
    database: Database, practice: Practice, computed: list[str]
) -> None:
    with database.write() as uow:
        staff.add(uow, practice.id, "anna müller", "Anna", Role.PRACTITIONER, RIGHT)
    assert staff.authenticate(database, "anna müller", RIGHT, address=HOME) is not None
    for number in range(guesses.MOST_FOR_ACCOUNT):
        staff.authenticate(database, "anna müller", f"wrong-guess-{number}", address=HOME)
    assert staff.authenticate(database, "anna müller", RIGHT, address=HOME) is not None


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("93.184.216.34", "", "93.184.216.34"),
        ("93.184.216.34", "198.51.100.9", "93.184.216.34"),
        ("127.0.0.1", "", ""),
        ("127.0.0.1", "198.51.100.9", "198.51.100.9"),
        ("::1", "10.0.0.1, 198.51.100.9", "198.51.100.9"),
        ("172.17.0.1", "198.51.100.9", "198.51.100.9"),
        ("172.17.0.1", "", "172.17.0.1"),
        ("", "198.51.100.9", ""),
        ("unix:", "", ""),
        # a web server reached through a virtual private network or a provider's own addresses
        ("100.64.3.3", "198.51.100.9", "198.51.100.9"),
        ("fd12::1", "198.51.100.9", "198.51.100.9"),
        ("fe80::1%eth0", "198.51.100.9", "198.51.100.9"),
        # a socket for both kinds of addresses writes the old kind in the new one's words
        ("::ffff:127.0.0.1", "", ""),
        ("::ffff:10.0.0.1", "198.51.100.9", "198.51.100.9"),
        ("::ffff:93.184.216.34", "198.51.100.9", "93.184.216.34"),
        # addresses that are reached from the internet, although some registries call them private
        ("2001:0:53aa:64c::1", "198.51.100.9", "2001:0:53aa:64c::/64"),
        ("203.0.113.7", "198.51.100.9", "203.0.113.7"),
        # one customer has a whole network of the new kind, and may come from any of its addresses
        ("2a02:8388:1:1::1", "", "2a02:8388:1:1::/64"),
        ("127.0.0.1", "2a02:8388:1:1:ffff:0:0:2", "2a02:8388:1:1::/64"),
        # some web servers name the port as well, which is another one each time
        ("127.0.0.1", "198.51.100.9:40112", "198.51.100.9"),
        ("127.0.0.1", "[2a02:8388:1:1::9]:40112", "2a02:8388:1:1::/64"),
        ("127.0.0.1", "unknown", ""),
    ],
)
def test_where_a_client_is(peer: str, forwarded: str, address: str) -> None:
    environ: dict[str, Any] = {"REMOTE_ADDR": peer, "HTTP_X_FORWARDED_FOR": forwarded}
    assert address_of(environ) == address
