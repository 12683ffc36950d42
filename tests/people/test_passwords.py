"""Password hashes and the memory of good checks."""

from __future__ import annotations

import pytest

from radicale_practice.practice.errors import InvalidValue
from radicale_practice.practice.people import passwords


def test_a_hash_is_argon2id_and_checks() -> None:
    stored = passwords.hash_password("ahorn-birke")
    assert stored.startswith("$argon2id$")
    assert passwords.verify("ahorn-birke", stored) == (True, None)
    assert passwords.verify("ahorn-birkE", stored) == (False, None)


def test_raised_parameters_give_a_new_hash_with_a_right_password_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stored = passwords.hash_password("ahorn-birke")
    monkeypatch.setattr(passwords, "TIME_COST", passwords.TIME_COST + 1)
    assert passwords.verify("wrong-one", stored) == (False, None)
    right, renewed = passwords.verify("ahorn-birke", stored)
    assert right
    assert renewed is not None
    assert f"t={passwords.TIME_COST}" in renewed
    assert passwords.verify("ahorn-birke", renewed) == (True, None)


def test_composed_and_decomposed_are_one_password() -> None:
    assert passwords.verify("schlu\u0308ssel-1", passwords.hash_password("schl\u00fcssel-1"))[0]


@pytest.mark.parametrize(
    "stored", [None, "", "plain", "$argon2id$v=19$m=64,t=1,p=1$bad", "{SHA}x", "$2b$12$"]
)
def test_an_unusable_hash_is_a_no_after_the_same_work(
    stored: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[object] = []
    real = passwords._dummy_hash
    monkeypatch.setattr(passwords, "_dummy_hash", lambda *cost: made.append(cost) or real(*cost))
    assert passwords.verify("whatever-it-is", stored) == (False, None)
    assert len(made) == 1


@pytest.mark.parametrize("password", ["", "short", "x" * 1025])
def test_unfit_passwords_are_not_set(password: str) -> None:
    with pytest.raises(InvalidValue):
        passwords.hash_password(password)


@pytest.mark.parametrize("password", ["", "x" * 100_000, "nul\0inside", "\ud800surrogate"])
def test_any_text_can_be_checked(password: str) -> None:
    assert passwords.verify(password, passwords.hash_password("ahorn-birke")) == (False, None)


def test_the_memory_is_bound_to_person_hash_and_password() -> None:
    checks = passwords.GoodChecks()
    key = checks.key(1, "hash", "password")
    checks.add(key)
    assert key in checks
    for other in (checks.key(2, "hash", "password"), checks.key(1, "hash2", "password")):
        assert other not in checks
    assert checks.key(1, "hash", "passwor") not in checks
    assert checks.key(1, "hashp", "assword") not in checks
    assert passwords.GoodChecks().key(1, "hash", "password") != key


def test_the_memory_is_short_and_bounded() -> None:
    gone = passwords.GoodChecks(seconds=-1)
    gone.add(b"x")
    assert b"x" not in gone
    assert len(gone) == 0
    small = passwords.GoodChecks(entries=2)
    for key in (b"a", b"b", b"c"):
        small.add(key)
    assert [key in small for key in (b"a", b"b", b"c")] == [False, True, True]


def test_a_forked_process_has_another_key(monkeypatch: pytest.MonkeyPatch) -> None:
    checks = passwords.GoodChecks()
    key = checks.key(1, "hash", "password")
    checks.add(key)
    monkeypatch.setattr("os.getpid", lambda: -1)
    assert checks.key(1, "hash", "password") != key
    assert key not in checks
