"""The brake on guessing passwords: who has been wrong too often, by account and by address.

In the memory of one process, for some minutes. Only an address that guesses is kept waiting, so nobody can
lock a person out from elsewhere; and the same wrong password again counts once, so a phone that still has
the old one locks nobody out either.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable

MOST_FOR_ACCOUNT = 10
"""Different wrong passwords for one account from one address before it has to wait."""

MOST_FROM_ADDRESS = 60
"""Different wrong pairs of account and password from one address: a practice's devices share one."""

SECONDS = 600.0
ADDRESSES = 2048


class Guesses:
    """Wrong passwords by address. Holds keyed hashes of them (``GoodChecks.key``), no password."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._guard = threading.Lock()
        self._wrong: OrderedDict[str, dict[bytes, tuple[str, float]]] = OrderedDict()

    def is_known(self, address: str, key: bytes) -> bool:
        """Whether this very guess was wrong a short while ago: it need not be computed again."""
        with self._guard:
            return key in self._recent(address)

    def too_many(self, address: str, account: str) -> bool:
        """Whether this address has to wait before it may guess again for this account."""
        with self._guard:
            recent = self._recent(address)
            about = sum(known == account for known, _ in recent.values())
        return about >= MOST_FOR_ACCOUNT or len(recent) >= MOST_FROM_ADDRESS

    def add(self, address: str, account: str, key: bytes) -> None:
        """Remember a wrong password; the address that was quiet longest goes when there are too many."""
        if not address:
            return
        with self._guard:
            recent = self._recent(address)
            recent[key] = (account, self._clock() + SECONDS)
            self._wrong[address] = recent
            self._wrong.move_to_end(address)
            while len(self._wrong) > ADDRESSES:
                self._wrong.popitem(last=False)

    def forget(self, address: str, account: str) -> None:
        """The right password came: what was wrong before were slips of the hand."""
        with self._guard:
            recent = self._recent(address)
            for key in [key for key, (known, _) in recent.items() if known == account]:
                del recent[key]

    def _recent(self, address: str) -> dict[bytes, tuple[str, float]]:
        recent = self._wrong.get(address, {})
        now = self._clock()
        for key in [key for key, (_, until) in recent.items() if until < now]:
            del recent[key]
        return recent
