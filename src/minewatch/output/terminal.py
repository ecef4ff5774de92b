# SPDX-License-Identifier: Apache-2.0
"""Text for people: consoles that are safe to pipe, and numbers as people write them."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any, Final

from minewatch.output.destination import Destination
from minewatch.output.records import printable

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

PIPE_WIDTH: Final = 120
"""Columns when nobody says how wide the terminal is."""
_NS: Final = 1_000_000_000


def console(destination: Destination | None = None) -> Console:
    """Return a console on standard output, or on a file; no colours unless it is a terminal.

    Parameters
    ----------
    destination : where the text goes; None for standard output.
    """
    from rich.console import Console

    file: Any = sys.stdout
    if destination is not None and not destination.is_stdout:
        file = _TextFile(destination)
    is_terminal = file.isatty()
    return Console(
        file=file,
        width=None if is_terminal or "COLUMNS" in os.environ else PIPE_WIDTH,
        highlight=False,
        markup=False,
        emoji=False,
        soft_wrap=False,
    )


class _TextFile:
    """As much of a text file as a console needs; it never closes what lies below."""

    encoding = "utf-8"

    def __init__(self, destination: Destination) -> None:
        self._destination = destination

    def write(self, text: str) -> None:
        self._destination.write(text.encode("utf-8", "replace"))

    def flush(self) -> None:
        pass

    def isatty(self) -> bool:
        return False


def error_console() -> Console:
    """Return a console on standard error."""
    from rich.console import Console

    return Console(file=sys.stderr, stderr=True, highlight=False, markup=False, soft_wrap=True)


def safe(text: object, style: str = "") -> Text:
    """Return text from the wire or the user for a console: printable, no markup.

    Parameters
    ----------
    text : anything.
    style : of the whole text.
    """
    from rich.text import Text

    return Text(printable(str(text)), style=style)


def joined(*parts: tuple[object, str]) -> Text:
    """Return several texts in a row, each with its own style.

    Parameters
    ----------
    parts : text and style of each.
    """
    from rich.text import Text

    whole = Text()
    for text, style in parts:
        whole.append_text(safe(text, style))
    return whole


def print_hanging(console: Console, prefix: Text, text: Text, indent: int) -> None:
    """Print a prefix and a text that wraps beside it; no line ends in spaces.

    Parameters
    ----------
    console : where to.
    prefix : first words, ending where the text begins.
    text : the rest, wrapped to what is left of the width.
    indent : columns before the prefix.
    """
    from rich.text import Text

    margin = indent + prefix.cell_len
    lines = text.wrap(console, max(console.width - margin, 20)) or [Text()]
    for number, line in enumerate(lines):
        head = Text(" " * indent) + prefix if number == 0 else Text(" " * margin)
        whole = head + line
        whole.rstrip()
        console.print(whole, soft_wrap=True)


def chance(probability: float) -> str:
    """Return a probability with three decimals, never as 0 or 1 where it is not.

    Parameters
    ----------
    probability : in [0, 1].

    Examples
    --------
    >>> chance(0.99999), chance(0.5), chance(1.0)
    ('>0.999', '0.500', '1.000')
    """
    if 0.9995 <= probability < 1:
        return ">0.999"
    if 0 < probability < 0.0005:
        return "<0.001"
    return f"{probability:.3f}"


def duration(ns: int) -> str:
    """Return a span of time in its two largest units.

    Parameters
    ----------
    ns : nanoseconds.

    Examples
    --------
    >>> duration(312_400_000_000), duration(1_500_000_000), duration(7_200_000_000_000)
    ('5 min 12 s', '1.5 s', '2 h 0 min')
    """
    seconds = ns / _NS
    if 0 < seconds < 1:
        return f"{seconds * 1000:.3g} ms"
    if seconds < 60:
        return f"{seconds:.3g} s"
    whole = int(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    if whole < 86_400:
        return f"{whole // 3600} h {whole % 3600 // 60} min"
    return f"{whole // 86_400} d {whole % 86_400 // 3600} h"


def number_text(number: int | None) -> str:
    """Return a number, or a question mark for what an input does not tell.

    Parameters
    ----------
    number : how many; None if nobody knows.

    Examples
    --------
    >>> number_text(1200), number_text(None)
    ('1,200', '?')
    """
    return "?" if number is None else f"{number:,}"


def counted(number: int | None, noun: str, plural: str = "") -> str:
    """Return a number with its noun.

    Parameters
    ----------
    number : how many; None if nobody knows.
    noun : of one.
    plural : of several, if not the noun and an s.

    Examples
    --------
    >>> counted(1, "packet"), counted(1200, "packet")
    ('1 packet', '1,200 packets')
    """
    return f"{number_text(number)} {noun if number == 1 else plural or noun + 's'}"


def endpoint(address: str, port: int, protocol: int) -> str:
    """Return address and port as one text.

    Parameters
    ----------
    address : as text.
    port : left out where the protocol has none.
    protocol : IP protocol number.

    Examples
    --------
    >>> endpoint("10.0.0.1", 80, 6), endpoint("2001:db8::1", 443, 6), endpoint("10.0.0.1", 0, 1)
    ('10.0.0.1:80', '[2001:db8::1]:443', '10.0.0.1')
    """
    if protocol not in (6, 17, 132):
        return address
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def protocol_name(protocol: int) -> str:
    """Return the short name of an IP protocol, or its number.

    Parameters
    ----------
    protocol : IP protocol number.
    """
    return {1: "ICMP", 6: "TCP", 17: "UDP", 58: "ICMPv6", 132: "SCTP"}.get(
        protocol, f"protocol {protocol}"
    )
