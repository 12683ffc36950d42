"""Drop and make all triggers, functions and views from the description; compare with the catalogue."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, text

from radicale_practice.practice.triggers import postgresql, sqlite
from radicale_practice.practice.triggers.made import OPEN_VIEWS, Made


def expected(connection: Connection) -> list[Made]:
    """What the description asks for on this connection's engine, in the order to create it."""
    if connection.dialect.name == "sqlite":
        return sqlite.made()
    return postgresql.made(_schema(connection))


def present(connection: Connection) -> dict[tuple[str, str], str | None]:
    """What the catalogue holds, by kind and name; a trigger that was disabled counts as absent."""
    if connection.dialect.name == "sqlite":
        rows = connection.execute(text(_SQLITE_CATALOGUE))
    else:
        rows = connection.execute(text(_POSTGRESQL_CATALOGUE), {"schema": _schema(connection)})
    return {(row.kind, row.name): row.body for row in rows}


def expected_texts(connection: Connection) -> dict[tuple[str, str], str]:
    """What ``present`` shows if nobody changed anything; may need a connection that is allowed to write.

    PostgreSQL keeps a view's meaning, not its words: they are asked for by making the view once more, in a
    savepoint that is rolled back.
    """
    wanted = {(made.kind, made.name): made for made in expected(connection)}
    texts = {key: made.text for key, made in wanted.items()}
    if connection.dialect.name == "sqlite":
        return texts
    schema = _schema(connection)
    with connection.begin_nested() as savepoint:
        for (kind, name), made in wanted.items():
            if kind == "view":
                again = f'"{schema}".sync_compared_{name}'
                connection.exec_driver_sql(made.statement.replace(f'"{schema}".{name}', again, 1))
                query = text(f"SELECT {_VIEW_TEXT} FROM pg_class c WHERE c.oid = CAST(:view AS regclass)")
                texts[kind, name] = connection.execute(query, {"view": again}).scalar_one()
        savepoint.rollback()
    return texts


def drop(connection: Connection) -> list[str]:
    """Remove everything ``install`` makes (before a migration that changes tables).

    Returns the statements that grant again what others may do with the views; for ``install``.
    """
    grants: list[str] = []
    if connection.dialect.name != "sqlite":
        grants = list(connection.execute(text(_GRANTS), {"schema": _schema(connection)}).scalars())
    schema = "" if connection.dialect.name == "sqlite" else f'"{_schema(connection)}".'
    found = list(present_objects(connection))
    for kind, name, table in sorted(found, key=lambda item: ("trigger", "function", "view").index(item[0])):
        if kind == "trigger" and schema:
            connection.exec_driver_sql(f"DROP TRIGGER {name} ON {schema}{table}")
        elif kind == "function":
            connection.exec_driver_sql(f"DROP FUNCTION {schema}{name}")
        else:
            connection.exec_driver_sql(f"DROP {kind.upper()} {schema}{name}")
    return grants


def install(connection: Connection, grants: Iterable[str] = ()) -> None:
    """Drop and make everything, with what was granted. Ends every migration; ``check.repair`` does it too."""
    grants = [*grants, *drop(connection)]
    for item in expected(connection):
        connection.exec_driver_sql(item.statement)
    for grant in grants:
        connection.exec_driver_sql(grant)


def present_objects(connection: Connection) -> list[tuple[str, str, str]]:
    """Kind, name and table of each of our objects in the catalogue, disabled ones included."""
    if connection.dialect.name == "sqlite":
        rows = connection.execute(text(_SQLITE_CATALOGUE))
    else:
        rows = connection.execute(text(_POSTGRESQL_OBJECTS), {"schema": _schema(connection)})
    return [(row.kind, row.name, row.table_name) for row in rows]


def _schema(connection: Connection) -> str:
    return str(connection.execute(text("SELECT current_schema()")).scalar_one())


_SQLITE_CATALOGUE = f"""
SELECT type AS kind, name, tbl_name AS table_name, sql AS body FROM sqlite_master
WHERE type IN ('view', 'trigger') AND (name LIKE 'sync\\_%' ESCAPE '\\' OR name IN {OPEN_VIEWS})
"""

_GRANTS = f"""
SELECT format('GRANT %s ON %I.%I TO %s%s', g.privilege_type, n.nspname, c.relname,
  CASE g.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(g.grantee)) END,
  CASE WHEN g.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace, aclexplode(c.relacl) g
WHERE n.nspname = :schema AND c.relkind = 'v' AND g.grantee <> c.relowner
  AND (c.relname LIKE 'sync\\_%' OR c.relname IN {OPEN_VIEWS})
"""

_VIEW_TEXT = "pg_get_viewdef(c.oid) || coalesce(array_to_string(c.reloptions, ','), '')"

_POSTGRESQL_OBJECTS = f"""
SELECT 'trigger' AS kind, t.tgname::text AS name, c.relname::text AS table_name FROM pg_trigger t
JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = :schema AND NOT t.tgisinternal AND t.tgname LIKE 'sync\\_%'
UNION ALL
SELECT 'function', p.proname::text, '' FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE n.nspname = :schema AND p.proname LIKE 'sync\\_%'
UNION ALL
SELECT 'view', c.relname::text, '' FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = :schema AND c.relkind = 'v' AND (c.relname LIKE 'sync\\_%' OR c.relname IN {OPEN_VIEWS})
"""

_POSTGRESQL_CATALOGUE = f"""
SELECT 'trigger' AS kind, t.tgname::text AS name,
  replace(pg_get_triggerdef(t.oid, true), quote_ident(:schema) || '.', '') AS body
FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = :schema AND NOT t.tgisinternal AND t.tgname LIKE 'sync\\_%' AND t.tgenabled IN ('O', 'A')
UNION ALL
SELECT 'function', p.proname::text, CASE WHEN p.prosecdef
  AND p.proconfig = ARRAY['search_path=pg_catalog, ' || quote_ident(:schema) || ', pg_temp', 'jit=off',
    'plan_cache_mode=force_generic_plan', 'enable_seqscan=off']
  THEN p.prosrc END
FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE n.nspname = :schema AND p.proname LIKE 'sync\\_%'
UNION ALL
SELECT 'view', c.relname::text, {_VIEW_TEXT}
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = :schema AND c.relkind = 'v' AND (c.relname LIKE 'sync\\_%' OR c.relname IN {OPEN_VIEWS})
"""
