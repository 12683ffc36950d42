"""The renderer's version: part of every sync token and ETag, so that an upgrade is noticed by all clients."""

from __future__ import annotations

from radicale_practice.practice import zones

RENDERER_VERSION: str = f"1/{zones.version()}"
"""Version of the renderer and of the zone data. Raise the first with every change of the bytes."""
