"""The place below ``/.web``: one line that says what answers here. Pages come later."""

from __future__ import annotations

from http import client
from typing import Any

from radicale import httputils, web


class Web(web.BaseWeb):
    """Radicale's ``[web] type = radicale_practice.plugins.web``."""

    def get(
        self,
        environ: Any,
        base_prefix: str,
        path: str,
        user: str,
        user_groups: set[str],
        request_info: dict[str, Any],
    ) -> Any:
        """A plain line at ``/.web``; nothing below it."""
        if path.rstrip("/") != "/.web":
            return httputils.NOT_FOUND
        text = "The practice calendar answers here. Add this address as a CalDAV account.\n"
        return client.OK, {"Content-Type": "text/plain"}, text, None
