# SPDX-License-Identifier: Apache-2.0
"""``minewatch blocks``: when a node's blocks were found, as a file for ``scan --blocks``."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Final

import typer

from minewatch.cli import options as o
from minewatch.errors import ConfigError, SourceError

EPILOG: Final = """
Examples:

minewatch blocks http://127.0.0.1:18081 2026-11-20T08:00 2026-11-20T12:00 -o blocks.csv

minewatch scan incident.pcap --blocks blocks.csv

Nobody but this node is asked. Its times are those in the headers, which miners set: a node's own
log of arrivals is better, where there is one.
"""


def blocks(
    node: Annotated[
        str,
        typer.Argument(
            metavar="URL", help="Address of a node of the Monero kind.", show_default=False
        ),
    ],
    begin: Annotated[
        str, typer.Argument(metavar="FROM", help="ISO 8601, UTC.", show_default=False)
    ],
    end: Annotated[str, typer.Argument(metavar="TO", help="The same.", show_default=False)],
    *,
    output: o.Output = None,
) -> None:
    """Ask a node that you name when blocks were found, and write their times as CSV."""
    from minewatch.detectors.block_feed import MonerodBlocks
    from minewatch.output.destination import Destination

    from_s, to_s = moment(begin), moment(end)
    if from_s >= to_s:
        raise ConfigError(f"{begin} to {end}: the first is not before the second; exchange them")
    source = MonerodBlocks(node)
    found = source.between(from_s, to_s)
    if not len(found):
        raise SourceError(
            source.url, f"no block from {begin} to {end}; has the node read its chain so far?"
        )
    lines = ["epoch_s", *(str(ns // 1_000_000_000) for ns in found.time_ns.tolist())]
    with Destination(output) as out:
        out.write(("\n".join(lines) + "\n").encode())


def moment(text: str) -> float:
    """Return a time as seconds since 1970.

    Parameters
    ----------
    text : ISO 8601; UTC if it names no zone.

    Raises
    ------
    ConfigError : it is none.

    Examples
    --------
    >>> moment("2026-11-20T08:00")
    1795161600.0
    """
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise ConfigError(f"{text[:40]!r}: not a time; write 2026-11-20T08:00") from error
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
