"""What may pass below ``full``: a closed list of properties and forms that cannot hold a name.

Names hide in alarm texts, ATTENDEE, CONTACT, notes, X-ALT-DESC, ATTACH, structured locations, file names,
URLs and parameters: everything that is not listed here, in exactly these forms, is kept but not shown.
"""

from __future__ import annotations

import re

from radicale_practice.event.content_lines import unfolded

_STAMP = r"\d{8}(?:T\d{6}Z?)?"
_COLOURS = (
    "aqua|aquamarine|azure|beige|bisque|black|blue|brown|chocolate|coral|cyan|crimson|fuchsia|gold|gray|green|"
    "grey|indigo|ivory|khaki|lime|magenta|maroon|navy|olive|orange|orchid|pink|plum|purple|red|salmon|sienna|"
    "silver|tan|teal|tomato|turquoise|violet|wheat|white|yellow"
)
_LINES = re.compile(
    "(?:"
    "CLASS:(?:PUBLIC|PRIVATE|CONFIDENTIAL)"
    r"|PRIORITY:\d"
    r"|SEQUENCE:\d{1,9}"
    rf"|(?:CREATED|LAST-MODIFIED|DTSTAMP):{_STAMP}"
    rf"|COLOR:(?:{_COLOURS}|#[0-9a-f]{{3,8}})"
    "|X-MICROSOFT-CDO-(?:BUSY|INTENDED)STATUS:(?:FREE|TENTATIVE|BUSY|OOF|WORKINGELSEWHERE)"
    "|X-MICROSOFT-CDO-ALLDAYEVENT:(?:TRUE|FALSE)"
    r"|X-MICROSOFT-CDO-IMPORTANCE:\d"
    "|X-MICROSOFT-DISALLOW-COUNTER:(?:TRUE|FALSE)"
    r"|X-CALENDARSERVER-ACCESS:(?:PUBLIC|PRIVATE|CONFIDENTIAL|RESTRICTED)"
    r"|X-MOZ-GENERATION:\d{1,9}"
    rf"|X-MOZ-LASTACK:{_STAMP}"
    rf"|X-MOZ-SNOOZE-TIME(?:-\d{{1,20}})?:{_STAMP}"
    "|X-APPLE-(?:LOCAL-)?DEFAULT-ALARM:(?:TRUE|FALSE)"
    "|X-APPLE-TRAVEL-ADVISORY-BEHAVIOR:(?:AUTOMATIC|DISABLED)"
    r"|X-APPLE-TRAVEL-DURATION(?:;VALUE=DURATION)?:P(?:\d{1,3}D)?(?:T[\dHMS]{1,12})?"
    ")",
    re.IGNORECASE | re.ASCII,
)
_MODELLED = re.compile(
    r"[A-Z-]+(?:;(?:TZID=[A-Za-z0-9_+/-]+|VALUE=[A-Z-]+|LANGUAGE=[A-Za-z]{2,3}(?:-[A-Za-z]{2})?))*:",
    re.IGNORECASE | re.ASCII,
)

_ALARM_LINES = re.compile(
    "(?:(?:BEGIN|END):VALARM|ACTION:(?:DISPLAY|AUDIO)"
    rf"|TRIGGER(?:;(?:VALUE=(?:DURATION|DATE-TIME)|RELATED=(?:START|END)))*:(?:[+-]?P[\dWDTHMS]{{1,20}}|{_STAMP})"
    r"|DURATION:P[\dWDTHMS]{1,20}|REPEAT:\d{1,5}"
    r"|(?:UID|X-WR-ALARMUID|RELATED-TO):[0-9A-F]{8}-(?:[0-9A-F]{4}-){3}[0-9A-F]{12}"
    rf"|ACKNOWLEDGED:{_STAMP}"
    "|X-APPLE-(?:LOCAL-)?DEFAULT-ALARM:(?:TRUE|FALSE)"
    "|ATTACH;VALUE=URI:(?:Basso|Blow|Bottle|Chord|Frog|Funk|Glass|Hero|Morse|Ping|Pop|Purr|Sosumi|Submarine|Tink)"
    "|DESCRIPTION:(?:Reminder|Event reminder|Erinnerung|This is an event reminder"
    "|Default Mozilla Description|Mozilla Standardbeschreibung))",
    re.IGNORECASE | re.ASCII,
)


def harmless_line(raw: str) -> bool:
    """Whether a line that is not modelled may be shown below full, by its whole text."""
    return _LINES.fullmatch(raw) is not None


def harmless_parameters(raw: str) -> bool:
    """Whether a modelled line, whose value is known to be right, has no parameter that could hold a name."""
    return _MODELLED.match(raw) is not None


def neutral_alarm(raw: str, reminder: str) -> str:
    """A VALARM with a neutral text and nothing else that could hold a name.

    An e-mail alarm becomes a displayed one: its recipients and texts are not shown. Idempotent.
    """
    kept: list[str] = []
    described = False
    for line in unfolded(raw).split("\r\n"):
        upper = line.upper()
        if upper.startswith("BEGIN:") and upper != "BEGIN:VALARM":
            return ""
        if _ALARM_LINES.fullmatch(line):
            if upper.startswith("DESCRIPTION"):
                if described:
                    continue
                described = True
            if upper == "END:VALARM" and not described and "ACTION:DISPLAY" in (k.upper() for k in kept):
                kept.append(f"DESCRIPTION:{reminder}")
            kept.append(line)
        elif upper.startswith("ACTION"):
            kept.append("ACTION:DISPLAY")
        elif upper.startswith("DESCRIPTION") and not described:
            described = True
            kept.append(f"DESCRIPTION:{reminder}")
    return "\r\n".join(kept)
