"""What README and docs/operation.md tell people to type: it runs, and names only what there is."""

from __future__ import annotations

import configparser
import re
import shlex
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import requests
from requests.auth import HTTPBasicAuth
from typer.testing import CliRunner

from radicale_practice.cli.main import app
from radicale_practice.practice import practices
from radicale_practice.practice.database import Database
from radicale_practice.practice.projections import Practice
from tests.processes import ServerProcess, free_port

ROOT = Path(__file__).parents[2]
PAGES = ("README.md", "docs/operation.md", "docs/integration.md")
PASSWORD = "ahorn-birke-1"


def blocks(page: str, language: str) -> list[str]:
    """The code blocks of a page in this language."""
    return re.findall(rf"^```{language}\n(.*?)^```", (ROOT / page).read_text(encoding="utf-8"), re.M | re.S)


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A folder that stands for a server: ``bin`` goes before the real programs."""
    programs = {
        "bin/sudo": 'if [ "$1" = -u ]; then shift 2; fi\nexec env "$@"',
        "bin/useradd": f'for home in "$@"; do [ "$home" != {tmp_path}/lib ] || mkdir -m 0755 "$home"; done',
        "bin/python3": '[ "$1 $2" = "-m venv" ]',
        "opt/bin/pip": '[ "$1" = install ]',
        "opt/bin/python": f'exec {sys.executable} "$@"',
        "opt/bin/radicale-practice": f'exec {sys.executable} -m radicale_practice.cli.main "$@"',
    }
    for name, script in programs.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/bash\n{script}\n", encoding="utf-8")
        path.chmod(0o755)
    return tmp_path


def on(machine: Path, script: str) -> str:
    """A script of the pages with the places of this machine."""
    script = script.replace("/opt/radicale-practice", f"{machine}/opt")
    # an absolute path behind sqlite:/// has four slashes, whatever it is
    return script.replace("/var/lib/radicale-practice", f"{machine}/lib")


def run(machine: Path, script: str) -> subprocess.CompletedProcess[str]:
    """Run it with bash; the first failure ends it."""
    command = ["bash", "-e", "-c", f'PATH="{machine}/bin:$PATH"\n{script}']
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return done


def test_a_new_user_gets_a_server_by_the_readme_and_a_backup_that_is_whole(machine: Path) -> None:
    (block,) = (b for b in blocks("README.md", "sh") if "useradd" in b)
    set_up, _, last = on(machine, block).rstrip().rpartition("\n")
    assert last == "practice serve --port 5232"
    asking = 'staff add "anna müller" --name "Anna Müller"'
    assert asking in set_up
    said = run(machine, set_up.replace(asking, f"{asking} --password-stdin <<< {PASSWORD}")).stdout
    assert "practice Praxis am Park (Europe/Vienna, de)" in said
    file = machine / "lib" / "practice.db"
    assert [stat.S_IMODE(path.stat().st_mode) for path in (file.parent, file)] == [0o700, 0o600]
    port = free_port()
    function = set_up[set_up.index("practice() {") : set_up.index("practice init")]
    serving = f'PATH="{machine}/bin:$PATH"\n{function}{last.replace("5232", str(port))}'
    server = ServerProcess(["bash", "-c", serving], port, machine / "log")
    server.start()
    try:
        signed_in = HTTPBasicAuth("anna müller".encode(), PASSWORD.encode())
        reply = requests.request(
            "PROPFIND", f"http://127.0.0.1:{port}/anna_müller/", auth=signed_in, timeout=60
        )
        assert reply.status_code == 207
        writer = sqlite3.connect(file)
        writer.execute("PRAGMA wal_autocheckpoint=0")
        writer.execute("INSERT INTO patient (practice_id, number, last_name) VALUES (1, '7', 'Huber')")
        writer.commit()
        (backup,) = (b for b in blocks("docs/operation.md", "sh") if "backup" in b)
        run(machine, on(machine, backup))
        writer.close()
    finally:
        server.kill()
    (kept,) = file.parent.glob("backup-*.db")
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    with sqlite3.connect(kept) as copy:
        assert copy.execute("SELECT count(*) FROM patient").fetchone() == (1,)
    (restore,) = (b for b in blocks("docs/operation.md", "sh") if "new-epoch" in b)
    assert "no problems" in run(machine, function.replace(str(file), str(kept)) + restore).stdout


@pytest.mark.parametrize("page", PAGES)
def test_every_command_that_a_page_shows_is_there(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    shown = re.findall(r"(?:bin/|`|^)(?:radicale-)?practice ((?:[a-z][a-z-]*)[^`\n#]*)", text, re.M)
    checked = 0
    for line in shown:
        words = shlex.split(line.strip())
        command = [word for word in words if re.fullmatch(r"[a-z][a-z-]*", word)][:2]
        helps = [CliRunner().invoke(app, [*command[:n], "--help"]) for n in range(len(command), 0, -1)]
        found = next((result for result in helps if result.exit_code == 0), None)
        assert found is not None, line
        for option in (word for word in words if word.startswith("--")):
            assert option in found.stdout, line
        checked += 1
    assert checked >= (1 if page != "docs/operation.md" else 8)


def test_the_units_run_what_there_is() -> None:
    units = []
    for block in blocks("docs/operation.md", "ini"):
        parser = configparser.RawConfigParser(strict=False)
        if block.startswith("["):
            parser.read_string(block)
            units.append(parser)
    services = [unit for unit in units if unit.has_section("Service")]
    assert len(services) == 2
    for unit in services:
        assert unit["Service"]["User"] == "radicale-practice"
        assert unit["Service"]["EnvironmentFile"] == "/etc/radicale-practice.env"


def test_nginx_lets_through_what_the_server_takes() -> None:
    (nginx,) = blocks("docs/operation.md", "nginx")
    (largest,) = re.findall(r"client_max_body_size (\d+)m;", nginx)
    configured = configparser.RawConfigParser()
    configured.read(ROOT / "config" / "radicale.conf", encoding="utf-8")
    assert int(largest) * 2**20 >= configured.getint("server", "max_content_length")


def test_every_setting_is_explained(database: Database, practice: Practice) -> None:
    text = (ROOT / "docs/operation.md").read_text(encoding="utf-8")
    assert [name for name in practices.settings_of(practice) if f"`{name}`" not in text] == []
