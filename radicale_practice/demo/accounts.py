"""What the demonstration tells scripts and people: addresses, user names, passwords."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from radicale_practice.demo.practice import Demonstration
from radicale_practice.practice import calendars
from radicale_practice.practice.database import Database

FILE_NAME = "accounts.json"


def describe(database: Database, demonstration: Demonstration, url: str) -> dict[str, Any]:
    """The content of ``accounts.json``. ``url``: where the server is, ending in "/"."""
    accounts = []
    with database.read() as uow:
        for account in demonstration.accounts:
            person = account.person
            home = f"{url}{quote(person.path_name)}/"
            accounts.append(
                {
                    "username": person.user_name,
                    "password": account.password,
                    "role": person.role.value,
                    "calendars": [
                        {
                            "name": info.name,
                            "url": f"{home}{quote(info.path_name)}/",
                            "access": info.access.value,
                        }
                        for info in calendars.list_for(uow, person.viewer())
                    ],
                }
            )
    return {"url": url, "accounts": accounts}


def write(directory: Path, content: dict[str, Any]) -> Path:
    """Write ``accounts.json`` for its owner alone (mode 0600), in one step."""
    path = directory / FILE_NAME
    temporary = directory / f".{FILE_NAME}.new"
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(content, file, ensure_ascii=False, indent=2)
        file.write("\n")
    temporary.replace(path)
    return path


def greeting(content: dict[str, Any], path: Path, log: Path | None = None) -> str:
    """What a person reads when the demonstration starts. ``log``: where the server's own lines go."""
    port = urlsplit(content["url"]).port
    lines = [f"The demonstration practice is at {content['url']}", ""]
    for account in content["accounts"]:
        lines.append(
            f"  user name {account['username']}   password {account['password']}   ({account['role']})"
        )
        lines += [f"      {c['access']:<6}{c['name']}  {c['url']}" for c in account["calendars"]]
    lines += [
        "",
        f"The same for scripts: {path}",
        *([f"The server's log: {log}"] if log is not None else []),
        "The passwords are the same on every machine: never serve this practice to other people.",
        "",
        "It listens on this machine only. Reach it from here with Thunderbird, Evolution, vdirsyncer or",
        "python-caldav, on Windows with Outlook CalDAV Synchronizer. DAVx5 reaches it from an emulator, or",
        f"from a phone on a cable (adb reverse tcp:{port} tcp:{port}). iPhone and Mac speak https only: see",
        "the README.",
        *(["Each change shows here as a line."] if log is not None else []),
        "Ctrl-C ends it.",
    ]
    return "\n".join(lines)
