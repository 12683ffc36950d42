"""Server processes for tests and bench: start, wait until they answer, end."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

START_SECONDS = 180.0
STOP_SECONDS = 60.0
"""How long a process may take on a busy machine; no test waits so long where nothing is wrong."""

PORTS = range(20000, 32000)
"""Below the ports that the system gives to connections (32768 and above): nobody takes one by chance."""


class ServerDied(Exception):
    """A server process ended before it answered; the message holds the end of its log."""


def free_port() -> int:
    """A TCP port of the loopback interface that nobody listens on, and no other worker of pytest asks for."""
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    mine = PORTS[worker::workers]
    while True:
        port = random.SystemRandom().choice(mine)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def wait_until(
    condition: Callable[[], T],
    what: str,
    seconds: float = 30.0,
    pause: Callable[[float], object] | None = None,
) -> T:
    """The first true value of ``condition``; raises ``TimeoutError`` naming ``what`` after ``seconds``.

    For other processes that cannot tell us when they are ready. ``pause`` waits that long at most, less if
    the other side has something to say.
    """
    end = time.monotonic() + seconds
    pause = pause or threading.Event().wait
    length = 0.01
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: not within {seconds:g} seconds")
        pause(length)
        length = min(length * 1.5, 0.2)


class ServerProcess:
    """One server in a process group of its own, its output in a file."""

    def __init__(
        self, command: Sequence[str], port: int, log: Path, environment: Mapping[str, str] | None = None
    ):
        self.command = list(command)
        self.port = port
        self.log = log
        self.environment = {**os.environ, "PYTHONUNBUFFERED": "1", **(environment or {})}
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, ready: Callable[[], bool] | None = None) -> None:
        """Start and return when the port answers (and ``ready``, if given, is true)."""
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=self.environment,
                start_new_session=True,
            )

        def answers() -> bool:
            if self.process is None or self.process.poll() is not None:
                raise ServerDied(f"{self.command[0]} ended at its start:\n{self.log_end()}")
            return _listens(self.port) and (ready is None or ready())

        wait_until(answers, f"{self.command[0]} on port {self.port}", START_SECONDS, self._unless_it_ends)

    def _unless_it_ends(self, seconds: float) -> None:
        """Wait, but not for a server that has ended: no system tells that a port has begun to listen."""
        if self.process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(seconds)

    def kill(self) -> None:
        """SIGKILL to the server and all its workers, at once."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None

    def stop(self) -> int:
        """SIGTERM, then wait; the exit code. What does not end in time is killed."""
        if self.process is None:
            return 0
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            return -int(signal.SIGKILL)
        finally:
            self.kill()

    def log_end(self, characters: int = 4000) -> str:
        """The last part of the server's output."""
        return self.log.read_text(errors="replace")[-characters:] if self.log.exists() else ""


@contextlib.contextmanager
def running(
    command: Sequence[str],
    port: int,
    log: Path,
    environment: Mapping[str, str] | None = None,
    ready: Callable[[], bool] | None = None,
) -> Iterator[ServerProcess]:
    """A started ``ServerProcess``, stopped at the end."""
    server = ServerProcess(command, port, log, environment)
    try:
        server.start(ready)
        yield server
    finally:
        server.stop()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex(("127.0.0.1", port)) == 0
