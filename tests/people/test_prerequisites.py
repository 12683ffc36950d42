"""What `make` says on a machine that lacks something: all of it at once, with one line that installs it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / ".ci" / "prerequisites.sh"
OLD_PYTHON = "#!/bin/sh\nexit 1\n"
PYTHON_WITHOUT_VENV = f'#!/bin/sh\ncase "$*" in *venv*) exit 1 ;; esac\nexec {sys.executable} "$@"\n'


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A folder with what each Debian has; git, make and Python are not among it."""
    for name in ("bash", "dirname", "id"):
        found = shutil.which(name)
        assert found is not None
        (tmp_path / name).symlink_to(found)
    return tmp_path


def install(machine: Path, name: str, content: str = "#!/bin/sh\n") -> None:
    (machine / name).write_text(content)
    (machine / name).chmod(0o755)


def look(machine: Path) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": str(machine), "LANG": "C.UTF-8"}
    return subprocess.run(
        ["bash", str(SCRIPT), "base"], env=environment, capture_output=True, text=True, check=False
    )


def test_all_that_is_missing_is_named_at_once_with_one_line(machine: Path) -> None:
    answer = look(machine)
    assert answer.returncode == 1
    assert "missing on this machine: git make python3 python3-venv\n" in answer.stderr
    assert answer.stderr.count("apt-get install") == 1
    assert "apt-get install -y git make python3 python3-venv " in answer.stderr


def test_debians_python_comes_without_venv(machine: Path) -> None:
    for name in ("git", "make"):
        install(machine, name)
    install(machine, "python3", PYTHON_WITHOUT_VENV)
    assert "missing on this machine: python3-venv\n" in look(machine).stderr


def test_an_old_python3_is_not_installed_once_more(machine: Path) -> None:
    for name in ("git", "make"):
        install(machine, name)
    install(machine, "python3", OLD_PYTHON)
    assert "missing on this machine: python3.11 python3.11-venv\n" in look(machine).stderr
    install(machine, "python3.12", PYTHON_WITHOUT_VENV)
    assert "missing on this machine: python3.12-venv\n" in look(machine).stderr


def test_nothing_is_said_where_nothing_is_missing(machine: Path) -> None:
    for name in ("git", "make"):
        install(machine, name)
    install(machine, "python3", f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    answer = look(machine)
    assert (answer.returncode, answer.stderr) == (0, "")
