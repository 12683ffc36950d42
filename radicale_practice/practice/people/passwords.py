"""Staff passwords: argon2id through passlib, and the short memory of good checks.

``passlib`` is its maintained fork ``libpass``, imported under the old name.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import threading
import time
import unicodedata
from collections import OrderedDict
from functools import cache
from typing import Any

from passlib.context import CryptContext
from passlib.exc import PasswordSizeError, UnknownHashError

from radicale_practice.practice.errors import InvalidValue

TIME_COST = 2
"""argon2id passes."""

MEMORY_COST = 46 * 1024
"""argon2id memory of one check in KiB (OWASP's recommendation for one lane)."""

PARALLELISM = 1
"""argon2id lanes."""

CHECKS_AT_ONCE = 4
"""Concurrent argon2 computations in one process: an attack must not take all memory."""

SHORTEST = 8
"""Characters of the shortest password we set."""

LONGEST = 1024
"""Characters of the longest password we look at."""

REMEMBERED_SECONDS = 300.0
REMEMBERED_ENTRIES = 2048

_gate = threading.BoundedSemaphore(CHECKS_AT_ONCE)


def hash_password(password: str) -> str:
    """The argon2id hash to store. Raises ``InvalidValue`` if the password is too short or too long."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise InvalidValue(f"a password has {SHORTEST} to {LONGEST} characters")
    with _gate:
        return str(_context(TIME_COST, MEMORY_COST, PARALLELISM).hash(_normal(password)))


def verify(password: str, stored: str | None) -> tuple[bool, str | None]:
    """Check a password against its stored hash.

    Returns (right?, new hash to store or None): a new hash comes with a right password whose hash was made
    with other parameters than today's. Without a (readable) stored hash the answer is no, after as much work.
    """
    if len(password) > LONGEST:
        return False, None
    context = _context(TIME_COST, MEMORY_COST, PARALLELISM)
    with _gate:
        try:
            if stored:
                right, renewed = context.verify_and_update(_normal(password), stored)
                return bool(right), renewed if right else None
        except (UnknownHashError, PasswordSizeError, ValueError, TypeError):
            pass
        # An unknown user must cost as much as a wrong password.
        context.verify(_normal(password), _dummy_hash(TIME_COST, MEMORY_COST, PARALLELISM))
        return False, None


class GoodChecks:
    """Remembers for a short while that a password was right, to save argon2 on every request.

    Keyed by user, stored hash and password under a random key of this process: another stored hash is
    another key, so a changed password counts at the next request. Holds no password and no hash.
    """

    def __init__(self, seconds: float = REMEMBERED_SECONDS, entries: int = REMEMBERED_ENTRIES) -> None:
        self._seconds = seconds
        self._entries = entries
        self._until: OrderedDict[bytes, float] = OrderedDict()
        self._guard = threading.Lock()
        self._key = secrets.token_bytes(32)
        self._pid = os.getpid()

    def key(self, staff_id: int, stored: str, password: str) -> bytes:
        """The keyed hash under which this check is remembered."""
        if self._pid != os.getpid():
            with self._guard:
                self._key, self._pid = secrets.token_bytes(32), os.getpid()
                self._until.clear()
        parts = (str(staff_id), stored, _normal(password))
        data = b"".join(len(p).to_bytes(8, "big") + p for p in (part.encode() for part in parts))
        return hashlib.blake2b(data, key=self._key, digest_size=32).digest()

    def __contains__(self, key: bytes) -> bool:
        """Whether this check was good not long ago."""
        with self._guard:
            until = self._until.get(key)
            if until is None:
                return False
            if until < time.monotonic():
                del self._until[key]
                return False
            return True

    def __len__(self) -> int:
        """How many checks are remembered."""
        return len(self._until)

    def add(self, key: bytes) -> None:
        """Remember a good check; the oldest goes when there are too many."""
        with self._guard:
            self._until[key] = time.monotonic() + self._seconds
            self._until.move_to_end(key)
            while len(self._until) > self._entries:
                self._until.popitem(last=False)


def _normal(password: str) -> str:
    # Clients differ in how they compose umlauts; surrogates cannot be encoded.
    return unicodedata.normalize("NFC", password).encode("utf-8", "replace").decode()


@cache
def _context(time_cost: int, memory_cost: int, parallelism: int) -> Any:
    make: Any = CryptContext  # without types
    return make(
        schemes=["argon2"],
        argon2__type="ID",
        argon2__time_cost=time_cost,
        argon2__memory_cost=memory_cost,
        argon2__parallelism=parallelism,
    )


@cache
def _dummy_hash(time_cost: int, memory_cost: int, parallelism: int) -> str:
    return str(_context(time_cost, memory_cost, parallelism).hash(secrets.token_urlsafe()))
