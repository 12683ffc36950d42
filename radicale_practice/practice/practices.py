"""The practices of an installation: find, make, and change their settings."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from dataclasses import asdict, fields
from functools import cache
from typing import Any

from sqlalchemy import Select, bindparam, insert, or_, select, update

from radicale_practice.practice import zones
from radicale_practice.practice.database import UnitOfWork
from radicale_practice.practice.errors import Conflict, InvalidValue, NotFound
from radicale_practice.practice.projections import Practice
from radicale_practice.practice.records import journal
from radicale_practice.practice.schema.practice_tables import practice as practice_table
from radicale_practice.practice.settings import (
    PracticeSettings,
    change_settings,
    dump_settings,
    parse_settings,
)

logger = logging.getLogger(__name__)

OWN_COLUMNS = ("name", "time_zone", "language")
"""What a practice may set that has a column of its own."""

LANGUAGES = ("de", "en")
"""What a practice may speak: there are words for each of these in ``event.words``."""

DEMONSTRATION = "demonstration"
"""The setting that nobody sets: it marks the practice that ``demo`` made."""

COLUMNS = tuple(
    practice_table.c[name].label(f"practice_{name}")
    for name in ("id", "public_id", "name", "time_zone", "language", "settings")
)
"""What ``of_row`` reads; other tables' columns may stand beside them."""


@cache
def _by_id() -> Select[Any]:
    """Built once: it runs in every request."""
    return select(*COLUMNS).where(practice_table.c.id == bindparam("id"))


def get(uow: UnitOfWork, practice_id: int) -> Practice:
    """The practice with its settings; one statement. Raises ``NotFound``."""
    row = uow.connection.execute(_by_id(), {"id": practice_id}).one_or_none()
    if row is None:
        raise NotFound(f"practice {practice_id}")
    return of_row(row)


def list_all(uow: UnitOfWork) -> list[Practice]:
    """All practices of the installation, oldest first."""
    return [of_row(r) for r in uow.connection.execute(select(*COLUMNS).order_by(practice_table.c.id))]


def find(uow: UnitOfWork, name: str | None = None) -> Practice:
    """The practice with this name or public id; without a name the only one there is.

    Raises ``NotFound`` if there is none, ``Conflict`` if the choice is not clear.
    """
    query = select(*COLUMNS)
    if name is not None:
        query = query.where(or_(practice_table.c.name == name, practice_table.c.public_id == name))
    rows = uow.connection.execute(query.order_by(practice_table.c.id).limit(2)).all()
    if not rows:
        raise NotFound("no such practice" if name is not None else "there is no practice yet")
    if len(rows) > 1:
        raise Conflict("there are several practices: name one")
    return of_row(rows[0])


def create(
    uow: UnitOfWork,
    name: str,
    time_zone: str = zones.FALLBACK,
    language: str = "de",
    settings: Mapping[str, Any] | None = None,
    public_id: str | None = None,
) -> Practice:
    """Make a practice. ``time_zone``: IANA name; ``language``: one of ``LANGUAGES``, also with a
    region ("de-at").

    ``public_id`` is random unless given. Raises ``InvalidValue`` for an empty name, an unknown zone, language
    or setting.
    """
    values: dict[str, Any] = {
        **_checked(name=name, time_zone=time_zone, language=language),
        "settings": dump_settings(change_settings(PracticeSettings(), settings or {})),
    }
    if public_id is not None:
        values["public_id"] = public_id
    result = uow.connection.execute(insert(practice_table).values(values).returning(practice_table.c.id))
    made = get(uow, result.scalar_one())
    journal.write(uow, "practice-add", practice_id=made.id, after={"name": made.name})
    return made


def set_settings(uow: UnitOfWork, practice_id: int, values: Mapping[str, Any]) -> Practice:
    """Change settings by name; also ``name``, ``time_zone`` and ``language`` of the practice. Journalled.

    Raises ``InvalidValue`` (unknown name, another kind of value, out of range), ``NotFound``.
    """
    if DEMONSTRATION in values:
        raise InvalidValue("only radicale-practice demo marks its practice as a demonstration")
    former = get(uow, practice_id)
    own = _checked(**{name: value for name, value in values.items() if name in OWN_COLUMNS})
    settings = change_settings(former.settings, {n: v for n, v in values.items() if n not in own})
    uow.connection.execute(
        update(practice_table)
        .where(practice_table.c.id == practice_id)
        .values(settings=dump_settings(settings), **own)
    )
    changed = get(uow, practice_id)
    before, after = settings_of(former), settings_of(changed)
    different = [name for name in after if before[name] != after[name]]
    if different:
        journal.write(
            uow,
            "settings",
            practice_id=practice_id,
            before={name: before[name] for name in different},
            after={name: after[name] for name in different},
        )
    return changed


def settings_of(practice: Practice) -> dict[str, Any]:
    """Everything that ``set_settings`` can change, by name."""
    settings = {name: value for name, value in asdict(practice.settings).items() if name != DEMONSTRATION}
    return {name: getattr(practice, name) for name in OWN_COLUMNS} | settings


def setting_from_text(name: str, text: str) -> Any:
    """A setting's value from what a person typed: yes/no, a number, text, or a list separated by ";".

    Raises ``InvalidValue`` for an unknown setting or a text of the wrong kind.
    """
    default = {f.name: f.default for f in fields(PracticeSettings)}
    if name in OWN_COLUMNS:
        return text
    if name not in default:
        raise InvalidValue(f"there is no setting {name!r}: see 'settings list'")
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


def _checked(**values: Any) -> dict[str, Any]:
    """The practice's own columns as they are stored. Raises ``InvalidValue``."""
    if any(not isinstance(value, str) for value in values.values()):
        raise InvalidValue("name, time_zone and language are texts")
    checked = {name: value.strip() for name, value in values.items()}
    if "name" in checked and not checked["name"]:
        raise InvalidValue("a practice needs a name")
    if "time_zone" in checked and zones.canonical(checked["time_zone"]) is None:
        raise InvalidValue("the time zone is not an IANA zone")
    if "language" in checked:
        checked["language"] = checked["language"].lower()
        if not re.fullmatch(rf"({'|'.join(LANGUAGES)})(-[a-z0-9]{{2,4}})?", checked["language"], re.ASCII):
            known = " or ".join(f"'{language}'" for language in LANGUAGES)
            raise InvalidValue(f"the language is {known}, also with a region like 'de-at'")
    return checked


def of_row(row: Any) -> Practice:
    """The practice of a row with ``COLUMNS``."""
    zone = zones.canonical(row.practice_time_zone)
    if zone is None:
        # A foreign program wrote it: the calendar must still be served.
        logger.warning("practice %d has an unknown time zone, %s is used", row.practice_id, zones.FALLBACK)
        zone = zones.FALLBACK
    return Practice(
        row.practice_id,
        row.practice_public_id,
        row.practice_name,
        zone,
        row.practice_language,
        parse_settings(row.practice_settings),
    )
