"""The part of Mozilla's Marionette protocol (version 3) that runs a script in the program's own context.

A packet is ``length:JSON``; a command ``[0, id, name, parameters]`` is answered by
``[1, id, error, result]``.
"""

from __future__ import annotations

import contextlib
import json
import socket
from typing import Any


class MarionetteError(Exception):
    """The program answered a command with an error."""


class Marionette:
    """One session; a context manager that quits the program."""

    def __init__(self, port: int, seconds: float = 90.0):
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=seconds)
        self._buffer = b""
        self._last = 0
        self._receive()  # the greeting
        self._command("WebDriver:NewSession", {"capabilities": {"alwaysMatch": {}}})
        self._command("WebDriver:SetTimeouts", {"script": int(seconds * 1000)})
        self._command("Marionette:SetContext", {"value": "chrome"})

    def __enter__(self) -> Marionette:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError, MarionetteError):  # the connection may end before the answer
            self._command("Marionette:Quit", {"flags": ["eForceQuit"]})
        self._socket.close()

    def run(self, script: str, *arguments: Any) -> Any:
        """What the script gives to its last argument, a function. Raises ``MarionetteError``."""
        parameters = {
            "script": script,
            "args": list(arguments),
            "sandbox": "system",
            "newSandbox": False,
        }
        return self._command("WebDriver:ExecuteAsyncScript", parameters)["value"]

    def _command(self, name: str, parameters: dict[str, Any]) -> Any:
        self._last += 1
        body = json.dumps([0, self._last, name, parameters]).encode()
        self._socket.sendall(b"%d:%b" % (len(body), body))
        answer = self._receive()
        if answer[2]:
            raise MarionetteError(f"{name}: {answer[2].get('message')}\n{answer[2].get('stacktrace')}")
        return answer[3]

    def _receive(self) -> Any:
        while b":" not in self._buffer:
            self._buffer += self._more()
        length, _, rest = self._buffer.partition(b":")
        while len(rest) < int(length):
            rest += self._more()
        self._buffer = rest[int(length) :]
        return json.loads(rest[: int(length)])

    def _more(self) -> bytes:
        data = self._socket.recv(65536)
        if not data:
            raise OSError("the program closed the connection")
        return data
