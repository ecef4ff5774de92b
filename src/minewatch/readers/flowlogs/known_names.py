# SPDX-License-Identifier: Apache-2.0
"""Names of servers and of addresses that a log tells, each kept once, and not without end."""

from __future__ import annotations

from typing import Final

from minewatch.readers.flowlogs.addresses import address_halves
from minewatch.records import UNKNOWN, Names

MAX_SERVERS: Final = 1 << 18
MAX_ANSWERS: Final = 1 << 19
MAX_NAME_CHARACTERS: Final = 255
"""RFC 1035, 3.1: 255 octets."""


class KnownNames:
    """Fills ``Names``.

    Parameters
    ----------
    names : to be filled.

    Examples
    --------
    >>> names = Names()
    >>> known = KnownNames(names)
    >>> known.server("pool.example"), known.server("pool.example"), known.server(None)
    (0, 0, -1)
    >>> known.answer("10.0.0.1", "pool.example")
    >>> names
    Names(servers=['pool.example'], answers={(0, 281470849515521): 'pool.example'})
    """

    def __init__(self, names: Names) -> None:
        self._names = names
        self._places: dict[str, int] = {}
        self.left_out = 0
        """Names for which there was no room."""

    def server(self, name: str | None) -> int:
        """Return the place of a server's name, unknown if there is none or no room for it.

        Parameters
        ----------
        name : as the client sent it.
        """
        if not name or len(name) > MAX_NAME_CHARACTERS:
            return UNKNOWN
        place = self._places.get(name)
        if place is None:
            if len(self._names.servers) >= MAX_SERVERS:
                self.left_out += 1
                return UNKNOWN
            place = self._places[name] = len(self._names.servers)
            self._names.servers.append(name)
        return place

    def answer(self, address: object, name: str | None) -> None:
        """Keep the name for which DNS gave an address; the first one counts.

        Parameters
        ----------
        address : as text; what is none, such as another name, is left out.
        name : that was asked for.
        """
        if not name or len(name) > MAX_NAME_CHARACTERS or not isinstance(address, str):
            return
        try:
            halves = address_halves(address)
        except ValueError:
            return  # a CNAME, a text
        if halves in self._names.answers:
            return
        if len(self._names.answers) >= MAX_ANSWERS:
            self.left_out += 1
            return
        self._names.answers[halves] = name

    def note(self) -> str | None:
        """Return what is to be told of names that were left out."""
        if self.left_out == 0:
            return None
        return f"{self.left_out} names of servers or addresses are not kept: there are too many"
