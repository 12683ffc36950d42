"""The practices of an installation: find, make, and change their settings."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import fields
from functools import cache
from typing import Any

from sqlalchemy import Select, bindparam, insert, or_, select, update

from radicale_practice.practice import zones
from radicale_practice.practice.database import UnitOfWork
from radicale_practice.practice.errors import Conflict, InvalidValue, NotFound
from radicale_practice.practice.projections import Practice
from radicale_practice.practice.schema.practice_tables import practice as practice_table
from radicale_practice.practice.settings import (
    PracticeSettings,
    change_settings,
    dump_settings,
    parse_settings,
)

logger = logging.getLogger(__name__)

FALLBACK_ZONE = "Europe/Vienna"
"""Of a practice whose own zone cannot be read; the schema's default."""

_COLUMNS = (
    practice_table.c.id,
    practice_table.c.public_id,
    practice_table.c.name,
    practice_table.c.time_zone,
    practice_table.c.language,
    practice_table.c.settings,
)


@cache
def _by_id() -> Select[Any]:
    """Built once: it runs in every request."""
    return select(*_COLUMNS).where(practice_table.c.id == bindparam("id"))


def is_time_zone(name: str) -> bool:
    """Whether ``name`` is a zone that this installation's zone data knows."""
    return zones.load(name) is not None


def get(uow: UnitOfWork, practice_id: int) -> Practice:
    """The practice with its settings; one statement. Raises ``NotFound``."""
    row = uow.connection.execute(_by_id(), {"id": practice_id}).one_or_none()
    if row is None:
        raise NotFound(f"practice {practice_id}")
    return _practice(row)


def list_all(uow: UnitOfWork) -> list[Practice]:
    """All practices of the installation, oldest first."""
    return [_practice(r) for r in uow.connection.execute(select(*_COLUMNS).order_by(practice_table.c.id))]


def find(uow: UnitOfWork, name: str | None = None) -> Practice:
    """The practice with this name or public id; without a name the only one there is.

    Raises ``NotFound`` if there is none, ``Conflict`` if the choice is not clear.
    """
    query = select(*_COLUMNS)
    if name is not None:
        query = query.where(or_(practice_table.c.name == name, practice_table.c.public_id == name))
    rows = uow.connection.execute(query.order_by(practice_table.c.id).limit(2)).all()
    if not rows:
        raise NotFound("no such practice" if name is not None else "there is no practice yet")
    if len(rows) > 1:
        raise Conflict("there are several practices: name one")
    return _practice(rows[0])


def create(
    uow: UnitOfWork,
    name: str,
    time_zone: str = "Europe/Vienna",
    language: str = "de",
    settings: Mapping[str, Any] | None = None,
    public_id: str | None = None,
) -> Practice:
    """Make a practice. ``time_zone``: IANA name; ``language``: two letters ("de", "en", ...).

    ``public_id`` is random unless given. Raises ``InvalidValue`` for an empty name, an unknown zone or
    setting.
    """
    if not name.strip():
        raise InvalidValue("a practice needs a name")
    if not is_time_zone(time_zone):
        raise InvalidValue("the time zone is not an IANA zone")
    if not (language.isascii() and 2 <= len(language) <= 8):
        raise InvalidValue("the language is a code like 'de' or 'en'")
    values: dict[str, Any] = {
        "name": name.strip(),
        "time_zone": time_zone,
        "language": language.lower(),
        "settings": dump_settings(change_settings(PracticeSettings(), settings or {})),
    }
    if public_id is not None:
        values["public_id"] = public_id
    result = uow.connection.execute(insert(practice_table).values(values).returning(practice_table.c.id))
    return get(uow, result.scalar_one())


def set_settings(uow: UnitOfWork, practice_id: int, values: Mapping[str, Any]) -> Practice:
    """Change settings by name. Raises ``InvalidValue`` (unknown name or type), ``NotFound``."""
    settings = change_settings(get(uow, practice_id).settings, values)
    uow.connection.execute(
        update(practice_table)
        .where(practice_table.c.id == practice_id)
        .values(settings=dump_settings(settings))
    )
    return get(uow, practice_id)


def setting_from_text(name: str, text: str) -> Any:
    """A setting's value from what a person typed: yes/no, a number, text, or a list separated by ";".

    Raises ``InvalidValue`` for an unknown setting or a text of the wrong kind.
    """
    default = {f.name: f.default for f in fields(PracticeSettings)}
    if name not in default:
        raise InvalidValue(f"there is no setting {name!r}")
    if isinstance(default[name], bool):
        words = {"yes": True, "true": True, "on": True, "1": True}
        words |= {"no": False, "false": False, "off": False, "0": False}
        if text.strip().lower() not in words:
            raise InvalidValue(f"{name} is 'yes' or 'no'")
        return words[text.strip().lower()]
    if isinstance(default[name], int):
        try:
            return int(text)
        except ValueError:
            raise InvalidValue(f"{name} is a whole number") from None
    if isinstance(default[name], tuple):
        return [part.strip() for part in text.split(";") if part.strip()]
    return text


def _practice(row: Any) -> Practice:
    zone = zones.canonical(row.time_zone) or ""
    if not is_time_zone(zone):
        # A foreign program wrote it: the calendar must still be served.
        logger.warning("practice %d has an unknown time zone, %s is used", row.id, FALLBACK_ZONE)
        zone = FALLBACK_ZONE
    return Practice(row.id, row.public_id, row.name, zone, row.language, parse_settings(row.settings))
