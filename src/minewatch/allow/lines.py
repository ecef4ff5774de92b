# SPDX-License-Identifier: Apache-2.0
"""A TOML file whose mistakes can be named by line."""

from __future__ import annotations

import re
import tomllib
from typing import Any, Final

from minewatch.errors import ConfigError

_HEAD: Final = re.compile(r"\s*\[\[?\s*[\"']?(\w+)[\"']?\s*\]")
_KEY: Final = re.compile(r"\s*(\"[^\"]*\"|'[^']*'|[\w-]+)\s*=")


class Lines:
    """What a TOML file says, and on which lines.

    The parser of Python's library tells no lines, so that they are found again in the text; texts
    that span lines, which could look like keys, are refused.

    Parameters
    ----------
    path : name of the file.
    octets : all of it.

    Raises
    ------
    ConfigError : it is not UTF-8, not TOML, or has texts that span lines.
    """

    def __init__(self, path: str, octets: bytes) -> None:
        self._path = path
        try:
            text = octets.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = octets.count(b"\n", 0, error.start) + 1
            raise self.error(line, "not UTF-8; save the file as UTF-8") from error
        self._lines = text.split("\n")
        for number, content in enumerate(self._lines, 1):
            if '"""' in content or "'''" in content:
                raise self.error(number, "write texts on one line, in single quotes")
        try:
            self.data: dict[str, Any] = tomllib.loads(text)
        except (ValueError, RecursionError) as error:
            # Besides what is no TOML: numbers of more digits than Python reads.
            at = re.search(r"at line (\d+)", str(error))
            reason = str(error).partition(" (at ")[0].partition(";")[0]
            is_at_end = "end of document" in str(error)
            line = int(at[1]) if at else len(self._lines) if is_at_end else self._longest()
            raise self.error(line, f"not TOML: {reason}; mend this line") from error

    def heads(self, table: str) -> list[int]:
        """Return the lines of a table's heads.

        Parameters
        ----------
        table : its name.
        """
        heads = ((i, _HEAD.match(line)) for i, line in enumerate(self._lines, 1))
        return [i for i, head in heads if head and head[1] == table]

    def below(self, head: int, key: str) -> int:
        """Return the line of a key below a head, the head's if it is not to be seen.

        Parameters
        ----------
        head : line of the head; 0 for the begin of the file.
        key : name of the key.
        """
        for number, line in enumerate(self._lines[head:], head + 1):
            if _HEAD.match(line):
                break
            match = _KEY.match(line)
            if match and match[1].strip("\"'") == key:
                return number
        return head

    def find(self, key: str, table: str | None = None) -> int:
        """Return the line of a key of a table, or of a table itself; 1 if it is not to be seen.

        Parameters
        ----------
        key : name of the key, or of the table.
        table : the table of the key; None for a table, or a key outside of any.
        """
        if table is not None:
            heads = self.heads(table)
            return self.below(heads[0], key) if heads else self._mention(f"{table}.{key}", table)
        heads = self.heads(key)
        return heads[0] if heads else self.below(0, key) or self._mention(key)

    def _mention(self, *texts: str) -> int:
        """The first line that begins with a text, as dotted keys and heads do; 1 if none does."""
        for text in texts:
            for number, line in enumerate(self._lines, 1):
                if line.replace(" ", "").lstrip("[").startswith(text.replace(" ", "")):
                    return number
        return 1

    def _longest(self) -> int:
        """The longest line: where the parser names none, nesting or a number is too long."""
        return max(range(len(self._lines)), key=lambda i: len(self._lines[i])) + 1

    def error(self, line: int, text: str) -> ConfigError:
        """Return an error that names file and line.

        Parameters
        ----------
        line : counted from 1.
        text : what is wrong, and the cure.
        """
        return ConfigError(f"{self._path}:{line}: {text}")
