"""The rooms of the house: a dependency points downwards only, and no room is too big."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "radicale_practice"
ROOMS = {"practice": 0, "event": 1, "plugins": 2, "demo": 3, "cli": 4}
FORBIDDEN = {
    "practice": {"radicale", "vobject", "icalendar", "granian", "typer", "http", "wsgiref"},
    "event": {
        "radicale",
        "vobject",
        "icalendar",
        "sqlalchemy",
        "alembic",
        "granian",
        "typer",
        "http",
        "wsgiref",
    },
}
MODULES = sorted(PACKAGE.rglob("*.py"))
LONGEST = 500


def room_of(path: Path) -> str | None:
    """The top folder below the package; None for the package's own modules."""
    parts = path.relative_to(PACKAGE).parts
    return parts[0] if len(parts) > 1 else None


def imports_of(path: Path) -> set[str]:
    """Every absolute module name that a module imports, wherever in the file."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}: relative import"
            found.add(node.module or "")
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return found


def test_every_folder_is_a_known_room() -> None:
    assert {room_of(path) for path in MODULES} - {None} <= set(ROOMS)


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_point_downwards(path: Path) -> None:
    room = room_of(path)
    if room is None:
        return
    for name in imports_of(path):
        parts = name.split(".")
        if parts[0] == "radicale_practice" and len(parts) > 1 and parts[1] in ROOMS:
            assert ROOMS[parts[1]] <= ROOMS[room], f"{room} imports {name}"
        assert parts[0] not in FORBIDDEN.get(room, set()), f"{room} imports {name}"


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_no_module_is_too_long(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST


def test_no_circles_between_modules() -> None:
    names = {
        ".".join(("radicale_practice", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(
            ".__init__"
        ): path
        for path in MODULES
    }
    graph = {name: {i for i in imports_of(path) if i in names and i != name} for name, path in names.items()}
    done: set[str] = set()

    def visit(name: str, way: tuple[str, ...]) -> None:
        assert name not in way, " -> ".join((*way[way.index(name) :], name))
        if name in done:
            return
        for below in graph[name]:
            # A package and its own modules are one room: the package's __init__ may gather them.
            if not below.startswith(name + ".") and not name.startswith(below + "."):
                visit(below, (*way, name))
        done.add(name)

    for name in graph:
        visit(name, ())
