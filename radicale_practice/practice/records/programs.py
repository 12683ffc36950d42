"""Short names of the programs that sign in, from what they call themselves."""

from __future__ import annotations

import re

DAVX5 = "DAVx5"
OUTLOOK = "Outlook CalDAV Synchronizer"

_KNOWN = (
    ("davx5", DAVX5),
    ("icsx5", "ICSx5"),
    ("caldavsynchronizer", OUTLOOK),
    ("thunderbird", "Thunderbird"),
    ("evolution", "Evolution"),
    ("vdirsyncer", "vdirsyncer"),
    ("python-caldav", "caldav (Python)"),
    ("caldav/", "caldav (Python)"),
    ("caldav (python)", "caldav (Python)"),
    ("tsdav", "tsdav"),
    ("macos", "Mac"),
    ("mac_os_x", "Mac"),
    ("mac os x", "Mac"),
    ("calendaragent", "Mac"),
    ("ios/", "iPhone"),
    ("dataaccessd", "iPhone"),
    ("iphone", "iPhone"),
)
"""What is looked for in a User-Agent, in this order, and what people call it."""


def short_name(program: str) -> str:
    """The program's usual name from its User-Agent; its own name if it is none we know, "" for none."""
    return same_program(program)[:40].rstrip()


def same_program(program: str) -> str:
    """A key that stays the same when the program or its system is updated: no versions, no comments.

    Known programs by their short name, others by the names of their products (RFC 9110 10.1.5).
    """
    lowered = program.lower()
    for part, name in _KNOWN:
        if part in lowered:
            return name
    words = re.sub(r"\([^()]*\)", " ", program).split()
    names = (re.sub(r"[-_.]?(?:\bv)?\d.*|[^\w.-]", "", word.partition("/")[0]) for word in words)
    return " ".join(dict.fromkeys(name for name in names if name))[:100]
