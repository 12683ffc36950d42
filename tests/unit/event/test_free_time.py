"""What blocks no time is free time for colleagues who see "busy" only."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from radicale_practice.event.render import render
from radicale_practice.practice.model import Access, Appointment, CalendarObject, Projection, View


def test_a_transparent_entry_is_free_time_in_the_busy_view() -> None:
    entry = Appointment(
        datetime(2026, 11, 16), datetime(2026, 11, 17), "Europe/Vienna", all_day=True, transparent=True
    )
    busy = Projection(1, View.BUSY, Access.BUSY, "de", "Europe/Vienna")
    assert "\r\nTRANSP:TRANSPARENT\r\n" in render(CalendarObject("1", (entry,)), busy)
    taken = replace(entry, transparent=False)
    assert "TRANSPARENT" not in render(CalendarObject("1", (taken,)), busy)
