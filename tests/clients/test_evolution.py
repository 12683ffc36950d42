"""evolution-data-server, the calendar of GNOME and Evolution, over D-Bus."""

from __future__ import annotations

import os
import shutil
from datetime import date
from pathlib import Path

from tests.clients import cycle
from tests.clients.agent import Agent, AgentDriver
from tests.clients.servers import HERE, Served

SYSTEM_PYTHON = "/usr/bin/python3"
SERVICES = Path("/usr/share/dbus-1/services")

BUS = """\
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:tmpdir=/tmp</listen>
  <auth>EXTERNAL</auth>
  <servicedir>{services}</servicedir>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
"""


def test_full_cycle(served: Served, today: date, tmp_path: Path) -> None:
    account = served.account("practitioner", 2)
    command = [
        "dbus-run-session",
        "--config-file",
        str(_bus(tmp_path)),
        "--",
        SYSTEM_PYTHON,
        str(HERE / "evolution" / "agent.py"),
    ]
    command += [served.url, account.user_name, account.password]
    with Agent(command, tmp_path / "evolution.log", _environment(tmp_path)) as agent:
        cycle.full_cycle(cycle.scene(AgentDriver(agent), served, account, today))


def _bus(folder: Path) -> Path:
    """A session bus that can start the data server and nothing else: a keyring would ask a question."""
    services = folder / "services"
    services.mkdir()
    for file in SERVICES.glob("org.gnome.evolution.dataserver.*.service"):
        shutil.copy(file, services)
    config = folder / "bus.conf"
    config.write_text(BUS.format(services=services), "utf-8")
    return config


def _environment(home: Path) -> dict[str, str]:
    """A home of its own, settings in memory, no keyring, no desktop."""
    folders = {
        name: str(home / name.lower())
        for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR")
    }
    for folder in folders.values():
        Path(folder).mkdir(mode=0o700)
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "LANG", "TZ")}
    return {
        **kept,
        **folders,
        "HOME": str(home),
        "LC_ALL": "C.UTF-8",
        "GSETTINGS_BACKEND": "memory",
        "GIO_USE_VFS": "local",
        "NO_AT_BRIDGE": "1",
    }
