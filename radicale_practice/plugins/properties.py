"""Which calendar properties a client may set, by Radicale's names ("ICAL:calendar-color")."""

from __future__ import annotations

from collections.abc import Mapping

RICH = "#xml"
"""Suffix of the name under which a value's XML is kept (Apple's ``symbolic-color``, child elements)."""

PROTECTED = frozenset(
    {
        "tag",
        "C:supported-calendar-component-set",
        "C:supported-calendar-data",
        "C:max-resource-size",
        "CS:getctag",
        "D:current-user-principal",
        "D:current-user-privilege-set",
        "D:getcontentlength",
        "D:getcontenttype",
        "D:getetag",
        "D:getlastmodified",
        "D:owner",
        "D:resourcetype",
        "D:supported-report-set",
        "D:sync-token",
    }
)
"""What the server decides (RFC 4918 15, RFC 4791 5.2)."""


def own_values(props: Mapping[str, str]) -> dict[str, str | None]:
    """The properties of a request that are kept for the person."""
    return {name: value for name, value in props.items() if name.removesuffix(RICH) not in PROTECTED}


def named(values: Mapping[str, str | None]) -> dict[str, str | None]:
    """``values`` without an empty name: every client needs one, so emptying it takes back one's own."""
    empty = {name for name, value in values.items() if name == "D:displayname" and not (value or "").strip()}
    return {name: None if name in empty else value for name, value in values.items()}


def changed_values(
    merged: Mapping[str, str], served: Mapping[str, str], overrides: Mapping[str, str]
) -> dict[str, str | None]:
    """What a PROPPATCH changed, from Radicale's full merged properties.

    ``served``: what was shown before, the person's ``overrides`` included. None takes an override back.
    """
    changed: dict[str, str | None] = {
        name: value for name, value in own_values(merged).items() if served.get(name) != value
    }
    gone = {name for name in overrides if name not in merged and not name.endswith(RICH)}
    changed.update(dict.fromkeys(gone))
    changed.update({name + RICH: None for name in list(changed)})
    return changed
