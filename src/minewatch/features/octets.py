# SPDX-License-Identifier: Apache-2.0
"""Octets from the IP header on, where a log counts those of payload alone."""

from __future__ import annotations

from typing import Final

import polars as pl

TCP: Final = 6
TCP_HEADERS: Final = 52
"""IPv4 (20), TCP (20) and the option of time stamps (12), which Linux and macOS always send."""
OTHER_HEADERS: Final = 28
"""IPv4 (20) and UDP or ICMP (8)."""
_MOST_PACKETS: Final = 1 << 55
_MOST_OCTETS: Final = 1 << 61
"""Where absurd counts stop, so that no estimate wraps."""


def with_estimated_octets(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the table with octets where they are null and octets of payload are known.

    Google Cloud counts octets of payload only. Without an estimate every feature of sizes is NaN;
    one that is off by the 12 octets of an option is nearer to what models learnt than that.

    Parameters
    ----------
    frame : conversations or interval records, columns of ``schema.FLOW``.

    Examples
    --------
    >>> counts = {"packet_delta_count": 10, "octet_delta_count": None, "payload_octet_count": 100}
    >>> back = {f"reverse_{name}": value for name, value in counts.items()}
    >>> frame = pl.DataFrame([{"protocol_identifier": 6, **counts, **back}])
    >>> with_estimated_octets(frame)["octet_delta_count"].item()
    620
    """
    is_tcp = pl.col("protocol_identifier") == TCP
    headers = pl.when(is_tcp).then(TCP_HEADERS).otherwise(OTHER_HEADERS)
    return frame.with_columns(
        pl.coalesce(
            f"{way}octet_delta_count",
            pl.col(f"{way}payload_octet_count").clip(upper_bound=_MOST_OCTETS)
            + pl.col(f"{way}packet_delta_count").clip(upper_bound=_MOST_PACKETS) * headers,
        )
        .cast(pl.Int64)
        .alias(f"{way}octet_delta_count")
        for way in ("", "reverse_")
    )
