"""Names in hrefs and UIDs that clients chose ("Maria Mustermann.ics"), when a patient's contents are emptied.

An identity cannot be emptied, only replaced: by an opaque one, in the same row, so that nothing keeps the old
one. A client cannot be told that an href went without naming it; so the calendars concerned get a new epoch,
and every client lists them again: the old entry is gone, a new one is there.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection

from sqlalchemy import bindparam, select, update

from radicale_practice.practice.database import UnitOfWork
from radicale_practice.practice.notices import attention_rows
from radicale_practice.practice.notices.attention_rows import item_of
from radicale_practice.practice.parts import parts
from radicale_practice.practice.schema.sync_tables import attention, calendar_object
from radicale_practice.practice.sync import revisions


def erase(uow: UnitOfWork, practice_id: int, entries: Collection[int], appointments: Collection[int]) -> int:
    """Replace what clients chose for these appointments, and for what was held back; how many identities."""
    revisions.flush(uow)
    phantoms = _empty_held(uow, practice_id, set(entries))
    table = calendar_object.c
    chosen: dict[int, int] = {}
    for column, ids in ((table.appointment_id, sorted(appointments)), (table.id, sorted(phantoms))):
        for part in parts(ids):
            query = select(table.id, table.calendar_id).where(column.in_(part), table.opaque.is_(False))
            chosen |= {row.id: row.calendar_id for row in uow.connection.execute(query)}
    if not chosen:
        return 0
    names = {object_id: secrets.token_hex(16) for object_id in sorted(chosen)}
    statement = (
        update(calendar_object)
        .where(table.id == bindparam("object_id"))
        .values(href=bindparam("new_href"), uid=bindparam("new_uid"), opaque=True)
    )
    uow.connection.execute(
        statement,
        [{"object_id": i, "new_href": f"{name}.ics", "new_uid": name} for i, name in names.items()],
    )
    revisions.new_epoch(uow, chosen.values())
    return len(chosen)


def _empty_held(uow: UnitOfWork, practice_id: int, entries: set[int]) -> set[int]:
    """Take the hrefs of these held operations out of their bursts; the dead objects that bear them."""
    phantoms: set[int] = set()
    query = select(attention).where(
        attention.c.practice_id == practice_id, attention.c.kind == attention_rows.BURST
    )
    for row in uow.connection.execute(query).mappings().all():
        item = item_of(dict(row))
        theirs = [known for known in item.details.get("held", []) if known[0] in entries]
        if not theirs:
            continue
        for known in theirs:
            if known[4] is not None:
                phantoms.add(known[4])
            known[3] = ""
        attention_rows.set_details(uow, item.id, item.details)
    return phantoms
