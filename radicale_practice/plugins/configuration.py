"""Radicale's configuration with our defaults under it."""

from __future__ import annotations

from configparser import Error as ParserError
from configparser import RawConfigParser
from pathlib import Path

from radicale import config

DEFAULTS: dict[str, dict[str, str]] = {
    "server": {
        "hosts": "127.0.0.1:5232",
        "max_content_length": "10000000",
        "max_resource_size": "2000000",
        "delay_on_error": "0",
        "validate_user_value": "none",
        "validate_path_value": "none",
    },
    "auth": {
        "type": "radicale_practice.plugins.auth",
        "delay": "0",
        "urldecode_username": "True",
        "realm": "Practice calendar",
    },
    "rights": {
        "type": "radicale_practice.plugins.rights",
        "permit_delete_collection": "False",
        "permit_overwrite_collection": "False",
    },
    "storage": {"type": "radicale_practice.plugins.storage"},
    "web": {"type": "radicale_practice.plugins.web"},
    "reporting": {"max_expand_occurrence": "100000"},
    "logging": {"level": "info"},
}
"""The values of ``config/radicale.conf``, for a server started with a database's URL alone."""


def load(config_path: str | None = None, database_url: str | None = None) -> config.Configuration:
    """Our defaults, then the file, then the database's URL.

    Raises ``RuntimeError`` or ``OSError`` for a file that is wrong or missing.
    """
    configuration = config.load()
    configuration.update(DEFAULTS, "radicale_practice's defaults")
    if config_path:
        parser = RawConfigParser()
        try:
            with Path(config_path).open(encoding="utf-8") as file:
                parser.read_file(file)
        except (ParserError, UnicodeDecodeError) as error:
            # its text quotes lines of the file
            raise RuntimeError(f"{config_path!r} is no configuration file") from error
        values = {section: dict(parser[section]) for section in parser.sections()}
        configuration.update(values, f"config file {config_path!r}")
    if database_url:
        configuration.update({"storage": {"database": database_url}}, "the database's URL")
    return configuration
