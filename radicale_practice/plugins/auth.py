"""Signing in: user name and password of the practice's staff.

A database failure is never a wrong password: it leaves this module as an exception, which our Application
answers with 503 and stock Radicale with 500, the only other code it has.
"""

from __future__ import annotations

from typing import Any

from radicale import auth, config

from radicale_practice.plugins import logs, request
from radicale_practice.plugins.databases import database_of
from radicale_practice.practice.people import staff


class Auth(auth.BaseAuth):
    """Radicale's ``[auth] type = radicale_practice.plugins.auth``."""

    def __init__(self, configuration: config.Configuration) -> None:
        super().__init__(configuration)
        logs.install()
        self._database = database_of(configuration)

    def get_external_login(self, environ: Any) -> tuple[()]:
        """Called first on every request: forget who asked before, keep the body's bytes."""
        request.begin(environ)
        return ()

    def _login_ext_with_groups(
        self, login: str, password: str, context: auth.AuthContext
    ) -> tuple[str, set[str]]:
        """The user's path component, or "" for wrong credentials; sets the request's viewer."""
        current = request.current()
        current.viewer = None
        with current.noting_failures():
            viewer = staff.authenticate(self._database, login, password, current.user_agent, current.address)
        if viewer is None:
            return "", set()
        current.sign_in(viewer)
        return staff.path_name(viewer.user_name), set()
