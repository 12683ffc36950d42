"""A private PostgreSQL cluster in a temporary folder: started as an unprivileged user, gone afterwards."""

from __future__ import annotations

import contextlib
import glob
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

import psycopg

from tests.processes import free_port, wait_until


class PostgreSQLMissing(Exception):
    """No PostgreSQL server programs of version 15 or newer are installed."""


class Cluster:
    """One running server; ``url(name)`` is the address of one of its databases."""

    def __init__(self, settings: tuple[str, ...] = ("fsync=off", "synchronous_commit=off")) -> None:
        self.programs = _programs()
        self.folder = Path(tempfile.mkdtemp(prefix="rp-postgresql-"))
        self.user = _unprivileged_user()
        self.port = free_port()
        self._made = 0
        self._admin: psycopg.Connection | None = None
        if self.user:
            shutil.chown(self.folder, self.user)
        self._run("initdb", "-D", str(self.data), "-U", "practice", "-A", "trust", "-E", "UTF8", "--no-sync")
        options = [
            "-c listen_addresses=127.0.0.1",
            f"-c port={self.port}",
            f"-c unix_socket_directories={self.folder}",
        ]
        options += [
            f"-c {s}"
            for s in (
                "max_connections=200",
                "max_prepared_transactions=5",
                "deadlock_timeout=200ms",
                *settings,
            )
        ]
        self.options = " ".join(options)
        self.start()

    @property
    def data(self) -> Path:
        """The data directory."""
        return self.folder / "data"

    def start(self) -> None:
        """Start the server and wait until it accepts connections."""
        log = str(self.folder / "log")
        self._run("pg_ctl", "-D", str(self.data), "-l", log, "-o", self.options, "-w", "-t", "180", "start")

    def stop(self, mode: str = "fast") -> None:
        """Stop the server (``fast``, or ``immediate`` like a crash)."""
        self._leave()
        self._run("pg_ctl", "-D", str(self.data), "-w", "-m", mode, "stop")

    def kill(self) -> None:
        """SIGKILL to the server and all its processes, nothing flushed and nobody told; then ``start``."""
        self._leave()
        server = int((self.data / "postmaster.pid").read_text().split()[0])
        os.kill(server, signal.SIGSTOP)  # it starts nobody new meanwhile
        children = Path(f"/proc/{server}/task/{server}/children").read_text().split()
        family = [server, *map(int, children)]
        for process in family:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        wait_until(lambda: not any(_lives(process) for process in family), "the killed server")
        # As after a power cut: nobody has that number any more, also where nobody collects the dead.
        for left in (self.data / "postmaster.pid", *self.folder.glob(".s.PGSQL.*.lock")):
            left.unlink()

    def close(self) -> None:
        """Stop the server and remove everything."""
        with contextlib.suppress(subprocess.CalledProcessError):
            self.stop("immediate")
        shutil.rmtree(self.folder, ignore_errors=True)

    def url(self, name: str, user: str = "practice") -> str:
        """SQLAlchemy address of a database."""
        return f"postgresql://{user}@127.0.0.1:{self.port}/{name}"

    def create(self, template: str | None = None) -> str:
        """Create a database with a fresh name; returns the name."""
        self._made += 1
        name = f"t{self._made}"
        # by files: through the log, as is usual, takes twice as long
        source = f' TEMPLATE "{template}" STRATEGY file_copy' if template else ""
        self._administer(f'CREATE DATABASE "{name}"{source}')
        return name

    def drop(self, name: str) -> None:
        """Drop a database, ending whoever is connected to it."""
        self._administer(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def _administer(self, statement: str) -> None:
        """Over a connection that is kept: thousands of databases are made and dropped."""
        if self._admin is None or self._admin.closed:
            self._admin = psycopg.connect(self.url("postgres"), autocommit=True)
        self._admin.execute(statement)

    def _leave(self) -> None:
        if self._admin is not None:
            self._admin.close()

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [str(self.programs / program), *arguments],
            check=True,
            user=self.user,
            group=pwd.getpwnam(self.user).pw_gid if self.user else None,
            extra_groups=[] if self.user else None,
            cwd=self.folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "LC_ALL": "C.UTF-8"},
        )


def _programs() -> Path:
    found = [Path(p) for p in glob.glob("/usr/lib/postgresql/*/bin") if Path(p, "initdb").exists()]
    recent = [p for p in found if p.parent.name.isdigit() and int(p.parent.name) >= 15]
    if not recent:
        raise PostgreSQLMissing(
            "no PostgreSQL 15 or newer in /usr/lib/postgresql (apt-get install postgresql)"
        )
    return max(recent, key=lambda p: int(p.parent.name))


def _lives(process: int) -> bool:
    """Whether a process is there and more than an entry in the system's table."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _unprivileged_user() -> str | None:
    """Whom to run as: the server refuses root."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"
