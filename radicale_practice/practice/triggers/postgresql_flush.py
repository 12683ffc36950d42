"""PostgreSQL: the functions behind the one deferred constraint trigger.

``calendar_id + 0`` keeps the planner, which may know these tables as empty, from reading a whole calendar
for each row: the other column of the index is the selective one.
"""

from __future__ import annotations

from radicale_practice.practice.triggers.description import TRACKED, TrackedTable
from radicale_practice.practice.triggers.made import PRIVATE_ENTRY

PRACTICE_LOCK = 0x50524144
"""Class of the advisory locks, one for each practice, taken at the end of every writing transaction."""

JOURNAL_LOCK = 0x5052414A
"""Class of the advisory locks, one for each practice, that order its journal; taken after the calendars'."""

NOW = "date_trunc('second', now() AT TIME ZONE 'utc')"

REVIVE = """
BEGIN
  -- The identity it had here, else the one it has elsewhere, else the default, else a random one.
  UPDATE calendar_object o SET removed_revision = NULL, removed_at = NULL, live_revision = rev
  WHERE o.id = (SELECT b.id FROM calendar_object b WHERE b.calendar_id + 0 = cal AND b.appointment_id = appt
                AND b.removed_revision IS NOT NULL ORDER BY b.removed_revision DESC, b.id DESC LIMIT 1)
    AND NOT EXISTS (SELECT 1 FROM calendar_object t WHERE t.calendar_id + 0 = cal
                    AND t.removed_revision IS NULL AND t.href = o.href)
    AND NOT EXISTS (SELECT 1 FROM calendar_object t WHERE t.calendar_id + 0 = cal
                    AND t.removed_revision IS NULL AND t.uid = o.uid);
  IF FOUND THEN RETURN; END IF;
  INSERT INTO calendar_object
    (calendar_id, href, uid, appointment_id, opaque, created_revision, live_revision)
  SELECT cal, i.href, i.uid, appt, i.opaque, rev, rev FROM (
    (SELECT 1 AS preference, b.href, b.uid, b.opaque FROM calendar_object b
     WHERE b.appointment_id = appt AND b.calendar_id <> cal
     ORDER BY (b.removed_revision IS NULL) DESC, b.removed_revision DESC, b.id DESC LIMIT 1)
    UNION ALL SELECT 2, pub || '.ics', pub, true
    UNION ALL (SELECT 3, r.id || '.ics', r.id, true
               FROM (SELECT replace(gen_random_uuid()::text, '-', '') AS id OFFSET 0) r)) i
  WHERE NOT EXISTS (SELECT 1 FROM calendar_object t WHERE t.calendar_id + 0 = cal
                    AND t.removed_revision IS NULL AND t.href = i.href)
    AND NOT EXISTS (SELECT 1 FROM calendar_object t WHERE t.calendar_id + 0 = cal
                    AND t.removed_revision IS NULL AND t.uid = i.uid)
  ORDER BY i.preference LIMIT 1;
END"""

SETTLE = f"""
DECLARE
  item record;
BEGIN
  -- Mostly served objects changed and nothing is to be settled: one look instead of three.
  IF NOT EXISTS (SELECT 1 FROM sync_wish w WHERE w.txid = tx) AND NOT EXISTS (
    SELECT 1 FROM (SELECT DISTINCT q.calendar_id, q.appointment_id FROM sync_pending q
                   WHERE q.txid = tx AND q.source = 'note') p
    LEFT JOIN calendar_object o ON o.calendar_id + 0 = p.calendar_id AND o.appointment_id = p.appointment_id
      AND o.removed_revision IS NULL
    LEFT JOIN sync_served s ON s.calendar_id = p.calendar_id AND s.appointment_id = p.appointment_id
    WHERE (o.id IS NULL) <> (s.appointment_id IS NULL)) THEN
    RETURN;
  END IF;
  UPDATE calendar_object o SET removed_revision = rev, removed_at = {NOW}
  FROM (SELECT DISTINCT q.calendar_id, q.appointment_id FROM sync_pending q
        WHERE q.txid = tx AND q.source = 'note') p
  WHERE o.calendar_id + 0 = p.calendar_id AND o.appointment_id = p.appointment_id
    AND o.removed_revision IS NULL
    AND (NOT EXISTS (SELECT 1 FROM sync_served s
                     WHERE s.calendar_id = p.calendar_id AND s.appointment_id = p.appointment_id)
      OR EXISTS (SELECT 1 FROM sync_wish w WHERE w.txid = tx
                 AND w.calendar_id = p.calendar_id AND w.appointment_id = p.appointment_id));
  INSERT INTO calendar_object
    (id, calendar_id, href, uid, appointment_id, opaque, created_revision, live_revision)
  SELECT w.object_id, w.calendar_id, w.href, w.uid, w.appointment_id, false, rev, rev
  FROM sync_wish w JOIN sync_served s
    ON s.calendar_id = w.calendar_id AND s.appointment_id = w.appointment_id
  WHERE w.txid = tx;
  -- New rows, all at once; what had an identity before goes one by one.
  INSERT INTO calendar_object
    (calendar_id, href, uid, appointment_id, opaque, created_revision, live_revision)
  SELECT s.calendar_id, s.public_id || '.ics', s.public_id, s.appointment_id, true, rev, rev
  FROM (SELECT DISTINCT q.calendar_id, q.appointment_id FROM sync_pending q
        WHERE q.txid = tx AND q.source = 'note') p
  JOIN sync_served s ON s.calendar_id = p.calendar_id AND s.appointment_id = p.appointment_id
  WHERE NOT EXISTS (SELECT 1 FROM calendar_object b WHERE b.appointment_id = s.appointment_id)
    AND NOT EXISTS (SELECT 1 FROM calendar_object b WHERE b.calendar_id + 0 = s.calendar_id
                    AND b.removed_revision IS NULL AND b.href = s.public_id || '.ics')
    AND NOT EXISTS (SELECT 1 FROM calendar_object b WHERE b.calendar_id + 0 = s.calendar_id
                    AND b.removed_revision IS NULL AND b.uid = s.public_id);
  FOR item IN
    SELECT s.calendar_id, s.appointment_id, s.public_id
    FROM (SELECT DISTINCT q.calendar_id, q.appointment_id FROM sync_pending q
          WHERE q.txid = tx AND q.source = 'note') p
    JOIN sync_served s ON s.calendar_id = p.calendar_id AND s.appointment_id = p.appointment_id
    WHERE NOT EXISTS (SELECT 1 FROM calendar_object b WHERE b.appointment_id = s.appointment_id
                      AND b.calendar_id + 0 = s.calendar_id AND b.removed_revision IS NULL)
  LOOP
    PERFORM sync_revive(item.calendar_id, item.appointment_id, item.public_id::text, rev);
  END LOOP;
END"""


def _expansion(table: TrackedTable) -> str:
    """From the noted keys of one table to the calendar objects, as they are now."""
    keys = ("q.key1", "q.key2")
    carried = ", ".join(f"{key} AS {column}" for key, column in zip(keys, table.carried, strict=False))
    leads = [(lead, "true") for lead in table.touch] + [(lead, "false") for lead in table.settle]
    union = " UNION ".join(
        f"SELECT l.calendar_id, l.appointment_id, {touch} AS touch FROM ({lead.format(changed='changed')}) l"
        for lead, touch in leads
    )
    journal = "n.touch" if table.journals_objects else "false"
    return f"""
  IF EXISTS (SELECT 1 FROM sync_pending q WHERE q.txid = tx AND q.source = '{table.name}') THEN
    INSERT INTO sync_pending (txid, source, calendar_id, appointment_id, touch, journal)
    WITH changed AS (
      SELECT DISTINCT {carried} FROM sync_pending q WHERE q.txid = tx AND q.source = '{table.name}')
    SELECT tx, 'note', n.calendar_id, n.appointment_id, n.touch, {journal} FROM ({union}) n;
  END IF;"""


EXPAND = "\nBEGIN" + "".join(_expansion(table) for table in TRACKED) + "\nEND"

_FORGET = """
    UPDATE calendar_object o SET appointment_id = 0
    WHERE o.appointment_id = ANY (gone) AND o.removed_revision IS NOT NULL;
    DELETE FROM event_extra WHERE appointment_id = ANY (gone);
    DELETE FROM personal_extra WHERE appointment_id = ANY (gone);
    DELETE FROM occurrence WHERE series_id = ANY (gone);
    DELETE FROM series_expansion WHERE series_id = ANY (gone);"""

FLUSH = f"""
DECLARE
  tx xid8 := pg_current_xact_id();
  is_foreign boolean := coalesce(current_setting('radicale_practice.actor', true), '') = '';
  patience text := current_setting('lock_timeout');
  lock_key integer;
  rev bigint;
  settled boolean := true;
  gone bigint[];
BEGIN
  IF NOT EXISTS (SELECT 1 FROM sync_pending q WHERE q.txid = tx) THEN
    DELETE FROM sync_flush f WHERE f.txid = tx;
    RETURN NULL;
  END IF;
  -- A foreign program's own patience is for its own rows; we give way to it, it never fails because of us.
  IF is_foreign THEN PERFORM set_config('lock_timeout', '0', true); END IF;
  FOR lock_key IN SELECT DISTINCT (q.practice_id & 2147483647)::integer FROM sync_pending q
                  WHERE q.txid = tx ORDER BY 1 LOOP
    PERFORM pg_advisory_xact_lock({PRACTICE_LOCK}, lock_key);
  END LOOP;
  IF is_foreign THEN PERFORM set_config('lock_timeout', patience, true); END IF;
  PERFORM sync_expand(tx);
  rev := nextval('sync_revision');
  PERFORM set_config('radicale_practice.drawn',
    concat_ws(',', nullif(current_setting('radicale_practice.drawn', true), ''), rev::text), true);
  BEGIN
    PERFORM sync_settle(tx, rev);
  EXCEPTION WHEN serialization_failure OR unique_violation THEN
    -- A REPEATABLE READ snapshot hides what others did to the same object: note the change, no more.
    IF NOT is_foreign THEN RAISE; END IF;
    settled := false;
  END;
  INSERT INTO object_change (calendar_id, staff_id, revision, object_id)
  SELECT o.calendar_id, 0, rev, o.id
  FROM (SELECT q.calendar_id, q.appointment_id, bool_or(q.touch) AS touch FROM sync_pending q
        WHERE q.txid = tx AND q.source = 'note' GROUP BY q.calendar_id, q.appointment_id) p
  JOIN calendar_object o ON o.calendar_id + 0 = p.calendar_id AND o.appointment_id = p.appointment_id
  WHERE NOT settled OR (o.removed_revision IS NULL AND (p.touch OR o.live_revision = rev))
    OR o.removed_revision = rev
  UNION SELECT q.calendar_id, q.staff_id, rev, q.object_id FROM sync_pending q
  WHERE q.txid = tx AND q.source = 'object';
  IF is_foreign THEN
    INSERT INTO journal (practice_id, program, action, appointment_id, calendar_id, private)
    SELECT coalesce(c.practice_id, 0),
      concat_ws('/', session_user::text, nullif(current_setting('application_name', true), '')),
      'foreign', p.appointment_id, p.calendar_id,
      {PRIVATE_ENTRY.format(kind="c.kind", no="false", id="p.appointment_id")}
    FROM (SELECT q.appointment_id, min(q.calendar_id) AS calendar_id FROM sync_pending q
          WHERE q.txid = tx AND q.journal GROUP BY q.appointment_id) p
    LEFT JOIN calendar c ON c.id = p.calendar_id;
  END IF;
  SELECT array_agg(DISTINCT q.key1) INTO gone FROM sync_pending q
  WHERE q.txid = tx AND q.source = 'appointment'
    AND (SELECT a.id FROM appointment a WHERE a.id = q.key1) IS NULL;  -- looked up, never joined
  IF gone IS NOT NULL THEN
    BEGIN{_FORGET}
    EXCEPTION WHEN serialization_failure THEN NULL;
    END;
  END IF;
  DELETE FROM sync_wish w WHERE w.txid = tx;
  DELETE FROM sync_pending q WHERE q.txid = tx;
  DELETE FROM sync_flush f WHERE f.txid = tx;
  RETURN NULL;
END"""

JOURNAL_ORDER = f"""
BEGIN
  -- Numbered at the very end, under a lock: who polls with "cursor > last" misses nothing.
  PERFORM pg_advisory_xact_lock({JOURNAL_LOCK}, (NEW.practice_id & 2147483647)::integer);
  INSERT INTO sync_journal_order (journal_id) VALUES (NEW.id);
  RETURN NULL;
END"""
