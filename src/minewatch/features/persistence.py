# SPDX-License-Identifier: Apache-2.0
"""How steady a conversation is from interval to interval: what flow logs alone can tell."""

from __future__ import annotations

from typing import Final

import numpy as np

from minewatch.features.named import NamedFeatures
from minewatch.features.ragged import Ragged
from minewatch.features.records import records_of
from minewatch.features.sequence import most_frequent
from minewatch.types import Conversations, FloatArray

_WAYS: Final = (("sent", "sent"), ("received", "received"))
_COUNTS: Final = ("packets", "octets")


def persistence_columns(conversations: Conversations) -> list[FloatArray]:
    """Return the columns of ``PersistenceFeatures``, each of shape (n,).

    Parameters
    ----------
    conversations : n of them.
    """
    records = records_of(conversations)
    packets = {"sent": records.sent_packets, "received": records.received_packets}
    octets = {"sent": records.sent_octets, "received": records.received_octets}
    start_s = records.start_s
    steps = start_s.with_values(start_s.values - start_s.previous())
    steps = steps.where(np.isfinite(steps.values))
    spacing = steps.quantile(0.5)
    columns: list[FloatArray] = []
    for way, _ in _WAYS:
        for series in (packets[way], octets[way]):
            columns += _steadiness(series)
        columns += [
            60 * packets[way].quantile(0.5) / spacing,
            60 * octets[way].quantile(0.5) / spacing,
            *_per_packet(octets[way], packets[way]),
        ]
    ratio = _quotient(octets["sent"], octets["received"])
    low, middle, high = ratio.where(np.isfinite(ratio.values)).quantile(0.1, 0.5, 0.9)
    several = np.where(start_s.count() >= 3, 1.0, np.nan)
    return [
        *columns,
        middle,
        (high - low) * several,
        spacing,
        steps.quantile(1.0) / spacing * several,
        np.where(start_s.count() > 0, start_s.count(), np.nan),
    ]


def _steadiness(counts: Ragged) -> list[FloatArray]:
    """Statistics of a counter over the records but the first and the last, which are cut."""
    place = np.arange(len(counts.values)) - counts.starts[counts.owner]
    size = counts.count()[counts.owner]
    inner = counts.where((size < 5) | ((place > 0) & (place < size - 1)))
    low, middle, high = inner.quantile(0.1, 0.5, 0.9)
    several = np.where(inner.count() >= 3, 1.0, np.nan)
    floor = np.where(middle > 0, middle, np.nan)
    off = inner.with_values(inner.values - inner.mean()[inner.owner])
    product = off.with_values(np.nan_to_num(off.values * off.previous())).sum()
    spread = np.where(inner.std() > 0, inner.std() ** 2 * inner.count(), np.nan)
    return [
        inner.variation() * several,
        low / floor * several,
        high / floor * several,
        product / spread * several,
        most_frequent(inner) / inner.count().clip(1) * several,
    ]


def _quotient(numerator: Ragged, denominator: Ragged) -> Ragged:
    below = np.where(denominator.values > 0, denominator.values, np.nan)
    return numerator.with_values(numerator.values / below)


def _per_packet(octets: Ragged, packets: Ragged) -> list[FloatArray]:
    size = _quotient(octets, packets)
    size = size.where(np.isfinite(size.values))
    low, middle, high = size.quantile(0.1, 0.5, 0.9)
    return [middle, np.where(size.count() >= 3, (high - low) / middle, np.nan)]


_STEADY: Final = (
    ("variation", "1", "variation from interval to interval of"),
    ("low", "1", "10th percentile over the median interval of"),
    ("high", "1", "90th percentile over the median interval of"),
    ("memory", "1", "correlation of one interval with the next of"),
    ("same_share", "1", "share of intervals with the most frequent number of"),
)


class PersistenceFeatures(NamedFeatures):
    """Steadiness of interval records over minutes and hours.

    Mining is a low, steady trickle both ways: over ten minutes the octets of an XMR miner vary by a
    fifth from window to window, for hours. A heartbeat varies by nothing, a person by much.

    Blind spots: conversations of one or two intervals, of which most of it is NaN; a proxy with
    many miners behind it; a miner that pauses.

    Notes
    -----
    Cost O(r log r) for r interval records. Works on packets and on every flow log; the length of
    the interval is a feature, since 60 s and 600 s smooth differently. Invariant to addresses,
    ports and absolute time. First and last record are left out where there are five or more.

    References
    ----------
    .. [1] Atticuss, "flow-log-cryptocoin-detection", nVisium, 2018 (AWS flow logs of 10 minutes).
    .. [2] J. Koumar, R. Plny, T. Cejka, "Enhancing DeCrypto", CNSM 2023 (time series of flows).

    Examples
    --------
    >>> from minewatch.testing import conversations
    >>> bool(np.isnan(PersistenceFeatures().transform(conversations()).values).all())
    True
    """

    name = "persistence"
    requires = ("flow_id",)
    features = (
        *(
            feature
            for way, _ in _WAYS
            for feature in (
                *(
                    (f"{way}_{count}_{name}", unit, f"{phrase} {count} {way}")
                    for count in _COUNTS
                    for name, unit, phrase in _STEADY
                ),
                (f"{way}_packets_typical", "1/min", f"packets {way} per minute, median interval"),
                (f"{way}_octets_typical", "1/min", f"octets {way} per minute, median interval"),
                (f"{way}_size_typical", "octets", f"octets per packet {way}, median interval"),
                (f"{way}_size_spread", "1", f"spread over intervals of octets per packet {way}"),
            )
        ),
        ("octets_ratio_typical", "1", "octets sent per octet received, median interval"),
        ("octets_ratio_spread", "1", "spread over intervals of octets sent per octet received"),
        ("interval_spacing", "s", "median time from one record to the next"),
        ("longest_step", "1", "longest time between records over the median one"),
        ("interval_records", "1", "interval records seen"),
    )

    def columns(self, conversations: Conversations) -> list[FloatArray]:
        """Return ``persistence_columns``.

        Parameters
        ----------
        conversations : n of them.
        """
        return persistence_columns(conversations)
