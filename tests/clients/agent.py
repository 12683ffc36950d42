"""A client in a process of its own that takes one JSON request a line and answers with one JSON line.

Request ``{"do": name, ...}``; answer ``{"result": ...}`` or ``{"error": text}``. Other output goes to
the log.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ANSWER_SECONDS = 60.0


class AgentError(Exception):
    """The client answered with an error, or not at all."""


class Agent:
    """A started client program; a context manager that ends it."""

    def __init__(self, command: Sequence[str], log: Path, environment: Mapping[str, str] | None = None):
        self._log = log
        self._answers: queue.Queue[str] = queue.Queue()
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                list(command),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=output,
                env=environment,
                text=True,
                encoding="utf-8",
                start_new_session=True,
            )
        threading.Thread(target=self._read, daemon=True).start()

    def __enter__(self) -> Agent:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(15)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)  # what it has started goes with it
        self._process.wait()

    def ask(self, do: str, **values: Any) -> Any:
        """The result of one request. Raises ``AgentError``."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": do, **values}) + "\n")
        self._process.stdin.flush()
        while True:
            try:
                line = self._answers.get(timeout=ANSWER_SECONDS)
            except queue.Empty:
                raise AgentError(f"no answer to {do}; its log:\n{self._log_end()}") from None
            if not line:
                raise AgentError(f"ended during {do}; its log:\n{self._log_end()}")
            if line.startswith("{"):
                break
        answer = json.loads(line)
        if "error" in answer:
            raise AgentError(f"{do}: {answer['error']}")
        return answer["result"]

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._answers.put(line)
        self._answers.put("")

    def _log_end(self) -> str:
        return self._log.read_text(errors="replace")[-3000:]


class AgentDriver:
    """``cycle.Driver`` whose methods are requests to an agent of the same names."""

    def __init__(self, agent: Agent):
        self._agent = agent

    def discover(self) -> set[str]:
        return set(self._agent.ask("discover"))

    def pull(self, calendar: str) -> dict[str, str]:
        return dict(self._agent.ask("pull", calendar=calendar))

    def kept(self, calendar: str) -> dict[str, str]:
        """The client's own copy as it is, without asking the server."""
        return dict(self._agent.ask("kept", calendar=calendar))

    def shown(self, calendar: str, uid: str) -> str | None:
        text = self._agent.ask("shown", calendar=calendar, uid=uid)
        return None if text is None else str(text)

    def create(self, calendar: str, text: str) -> None:
        self._agent.ask("create", calendar=calendar, text=text)

    def edit(self, calendar: str, text: str) -> None:
        self._agent.ask("edit", calendar=calendar, text=text)

    def edit_stale(self, calendar: str, text: str) -> None:
        self._agent.ask("editStale", calendar=calendar, text=text)

    def move(self, uid: str, source: str, target: str) -> None:
        self._agent.ask("move", uid=uid, source=source, target=target)

    def delete(self, calendar: str, uid: str) -> None:
        self._agent.ask("delete", calendar=calendar, uid=uid)
