# SPDX-License-Identifier: Apache-2.0
"""Counts of whole frames as counts from the IP header on."""

from __future__ import annotations

from typing import Final

import numpy as np

from minewatch.records import UNKNOWN, RecordArray

_ETHERNET: Final = 14
_VLAN: Final = 4
_TCP: Final = 6
_SHORTEST: Final = 28
"""IPv4 and UDP or ICMP without payload."""
_SHORTEST_TCP: Final = 40


def take_off_ethernet(records: RecordArray) -> None:
    """Take the headers of Ethernet off the octets, in place.

    Only where a direction's packets are known, and where what is left can still be that many
    packets; else the log counted from the IP header on, or there is no telling.

    Parameters
    ----------
    records : octets of which are those of frames.

    Examples
    --------
    >>> from minewatch.records import new_records
    >>> records = new_records(1)
    >>> records["packet_delta_count"], records["octet_delta_count"] = 2, 200
    >>> take_off_ethernet(records)
    >>> records["octet_delta_count"].tolist(), records["reverse_octet_delta_count"].tolist()
    ([172], [-1])
    """
    header = np.where(records["vlan_id"] > 0, _ETHERNET + _VLAN, _ETHERNET)
    shortest = np.where(records["protocol_identifier"] == _TCP, _SHORTEST_TCP, _SHORTEST)
    for prefix in ("", "reverse_"):
        packets = records[f"{prefix}packet_delta_count"]
        octets = records[f"{prefix}octet_delta_count"]
        # As a quotient: a product of hostile counts would leave 64 bits.
        mean = octets // np.maximum(packets, 1)
        is_frames = (packets > 0) & (octets != UNKNOWN) & (mean >= header + shortest)
        octets[is_frames] -= (header * np.where(is_frames, packets, 0))[is_frames]
