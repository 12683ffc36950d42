"""From a viewer, a practice and an access to the projection that decides the viewer's bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from radicale_practice.practice.model import Access, Projection, View, Viewer
from radicale_practice.practice.settings import PracticeSettings


@dataclass(frozen=True, slots=True)
class Practice:
    """One business: its id, names, zone, language and settings."""

    id: int
    public_id: str
    name: str
    time_zone: str
    language: str
    settings: PracticeSettings = field(default_factory=PracticeSettings)


def projection_for(viewer: Viewer, practice: Practice, access: Access) -> Projection:
    """What ``viewer`` gets of an object with ``access``: busy access shows the busy view only."""
    settings = practice.settings
    return Projection(
        staff_id=viewer.staff_id,
        view=View.BUSY if access is Access.BUSY else viewer.view,
        access=min(access, viewer.permission, key=lambda a: a.rank),
        language=practice.language,
        time_zone=practice.time_zone,
        window=viewer.window,
        title_with_patient=settings.title_with_patient,
        appointment_link=settings.appointment_link,
        show_note=settings.show_note,
        subjects=frozenset(settings.subjects),
    )


def fingerprint(
    viewer: Viewer, practice: Practice, accesses: Mapping[int, Access], renderer_version: str
) -> str:
    """Short hash of everything that shapes a viewer's bytes except the data.

    ``accesses``: the viewer's access to each calendar of the practice, by id. ``renderer_version``: version
    of the renderer and of the zone data. Part of every sync token and ETag.
    """
    projection = projection_for(viewer, practice, Access.WRITE)
    parts = [
        str(projection.staff_id),
        projection.view,
        viewer.permission,
        projection.language,
        projection.time_zone,
        repr(projection.window),
        projection.title_with_patient,
        projection.appointment_link,
        str(projection.show_note),
        "\x1f".join(sorted(projection.subjects)),
        ",".join(f"{calendar}:{access}" for calendar, access in sorted(accesses.items())),
        renderer_version,
    ]
    return hashlib.blake2b("\x1e".join(parts).encode(), digest_size=8).hexdigest()
