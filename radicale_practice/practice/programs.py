"""Short names of the programs that sign in, from what they call themselves."""

from __future__ import annotations

import re

_KNOWN = (
    ("davx5", "DAVx5"),
    ("icsx5", "ICSx5"),
    ("caldavsynchronizer", "Outlook CalDAV Synchronizer"),
    ("thunderbird", "Thunderbird"),
    ("evolution", "Evolution"),
    ("vdirsyncer", "vdirsyncer"),
    ("python-caldav", "caldav (Python)"),
    ("caldav/", "caldav (Python)"),
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
    """The program's usual name from its User-Agent; its first word if it is none we know, "" for none."""
    lowered = program.lower()
    for part, name in _KNOWN:
        if part in lowered:
            return name
    first = re.match(r"[\w .-]{1,40}", program)
    return first[0].strip() if first else ""
