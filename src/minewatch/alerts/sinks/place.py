# SPDX-License-Identifier: Apache-2.0
"""The address of a sink taken apart: scheme, place and options; and secrets that lie elsewhere.

``env:NAME`` and ``file:PATH`` stand for an address that is itself a secret, such as a webhook of
Slack: it then appears in no list of processes.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from minewatch.errors import ConfigError

MAX_ADDRESS: Final = 4_096
_SECRET_OCTETS: Final = 4_096
_MARK_CHARACTERS: Final = 8
_YES: Final = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}


class Options:
    """What stands behind ``?`` or ``#`` in an address; each may be asked for once.

    Parameters
    ----------
    values : text by name.
    """

    def __init__(self, values: dict[str, str]) -> None:
        self._values = values
        self._taken: set[str] = set()

    def text(self, name: str, default: str = "") -> str:
        """Return an option as it stands there."""
        self._taken.add(name)
        return self._values.get(name, default)

    def number(self, name: str, default: int, low: int, high: int) -> int:
        """Return an option as a whole number within bounds."""
        text = self.text(name, str(default))
        if not (text.isascii() and text.isdigit() and low <= int(text) <= high):
            raise ConfigError(f"{name}={text}: a whole number from {low:,} to {high:,}")
        return int(text)

    def flag(self, name: str) -> bool:
        """Return an option that is yes or no, and no if it is absent."""
        text = self.text(name, "no")
        if text.lower() not in _YES:
            raise ConfigError(f"{name}={text}: yes or no")
        return _YES[text.lower()]

    def finish(self) -> None:
        """Refuse options that nobody asked for.

        Raises
        ------
        ConfigError : there is one; the text names those that there are.
        """
        if unknown := sorted(self._values.keys() - self._taken):
            known = ", ".join(sorted(self._taken)) or "none"
            raise ConfigError(f"{unknown[0]}: no such option of this sink; there are: {known}")


def options_of(text: str) -> Options:
    """Return options written as ``a=1&b=2``.

    Parameters
    ----------
    text : what stands behind ``?`` or ``#``.

    Raises
    ------
    ConfigError : they are written otherwise, or one is there twice.
    """
    try:
        pairs = parse_qsl(text, keep_blank_values=True, strict_parsing=True) if text else []
    except ValueError as error:
        raise ConfigError("options are written name=value and joined by &") from error
    values = dict(pairs)
    if len(values) != len(pairs):
        raise ConfigError("an option stands there twice")
    return Options(values)


def server_of(place: str, default_port: int) -> tuple[str, int]:
    """Return host and port of ``host:port``.

    Parameters
    ----------
    place : host, with or without port; an IPv6 address in brackets.
    default_port : if there is none.

    Raises
    ------
    ConfigError : the port is none.

    Examples
    --------
    >>> server_of("logs.example", 514), server_of("[::1]:6514", 514)
    (('logs.example', 514), ('::1', 6514))
    """
    try:
        parts = urlsplit(f"//{place}")
        return parts.hostname or "", parts.port or default_port
    except ValueError as error:
        raise ConfigError(f"port of the server: 1 to 65535 ({error})") from error


def revealed(place: str) -> str:
    """Return an address itself, where it is named by ``env:`` or ``file:``.

    Parameters
    ----------
    place : what stands behind the scheme.

    Raises
    ------
    ConfigError : the variable is not set, the file cannot be read.
    """
    kind, _, name = place.partition(":")
    if kind == "env":
        return _checked(os.environ.get(name, ""), f"environment variable {name}")
    if kind == "file":
        return _checked(_read(name), name)
    return place


def secret(options: Options) -> bytes | None:
    """Return the secret that ``secret_env`` or ``secret_file`` names, None without either.

    Parameters
    ----------
    options : of the address.

    Raises
    ------
    ConfigError : it is empty or cannot be read, or both are given.
    """
    variable, path = options.text("secret_env"), options.text("secret_file")
    if variable and path:
        raise ConfigError("secret_env and secret_file: give one of them")
    if variable:
        return _checked(os.environ.get(variable, ""), f"environment variable {variable}").encode()
    if path:
        return _checked(_read(path), path).encode()
    return None


def mark(text: str) -> str:
    """Return a few characters by which two addresses are told apart without being shown.

    Parameters
    ----------
    text : what may hold a token.
    """
    return hashlib.sha256(text.encode()).hexdigest()[:_MARK_CHARACTERS]


def _read(path: str) -> str:
    try:
        with Path(path).open("rb") as file:
            return file.read(_SECRET_OCTETS + 1).decode()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "no UTF-8"
        raise ConfigError(f"{path}: cannot be read: {reason}") from error


def _checked(text: str, where: str) -> str:
    if not text.strip() or len(text) > _SECRET_OCTETS:
        raise ConfigError(f"{where}: 1 to {_SECRET_OCTETS:,} characters")
    return text.strip()
