# SPDX-License-Identifier: Apache-2.0
"""A Stratum exchange inferred from counters alone: totals, and interval records.

Where each side's messages fit one packet, a request costs the client two packets (it, and the
acknowledgement of its answer) and the server one; a notification costs each side one. So *sent less
received* counts requests, the rest of what was received notifications, and octets are a linear
function of the two. Delayed or extra acknowledgements and keep-alive probes blur this.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from minewatch.features.direction import directed, forward_is_sent
from minewatch.features.matrix import divide, duration_s
from minewatch.features.ragged import Ragged
from minewatch.features.records import Records, records_of
from minewatch.types import Conversations, FloatArray

LEAST: Final = 3
"""Records below which nothing is said of how counters vary; three of 600 s are half an hour."""
_TINY: Final = 1e-9

TOTALS: Final = (
    ("sent_packets_per_minute", "1/min", "packets sent per minute"),
    ("received_packets_per_minute", "1/min", "packets received per minute"),
    ("packets_ratio", "1", "packets sent per packet received"),
    ("request_share", "1", "share of requests among the messages that packet counts suggest"),
    ("sent_packet_octets", "octets", "mean packet sent"),
    ("received_packet_octets", "octets", "mean packet received"),
    ("packet_octets_ratio", "1", "mean packet sent over mean packet received"),
    ("octets_ratio", "1", "octets sent per octet received"),
)
"""Name, unit and phrase of what totals of a conversation tell."""
RECORD_FEATURES: Final = (
    *TOTALS,
    ("sent_packets_dispersion", "1", "variance over mean of the packets sent per interval"),
    ("received_packets_dispersion", "1", "variance over mean of the packets received per interval"),
    ("sent_octets_variation", "1", "variation of the octets sent per interval"),
    ("received_octets_variation", "1", "variation of the octets received per interval"),
    ("sent_packet_octets_spread", "1", "variation over intervals of the mean packet sent"),
    ("received_packet_octets_spread", "1", "variation over intervals of the mean packet received"),
    ("packet_octets_together", "1", "correlation of the mean packets sent and received"),
    ("sent_size_with_packets", "1", "correlation of packets sent with their mean size"),
    ("received_size_with_packets", "1", "correlation of packets received with their mean size"),
    ("packets_together", "1", "correlation of the packets sent and received per interval"),
    ("sent_unexplained", "1", "octets sent that packet counts do not explain, per octet"),
    ("received_unexplained", "1", "octets received that packet counts do not explain, per octet"),
)
"""Name, unit and phrase of what ``record_columns`` returns, in order."""


def record_columns(conversations: Conversations) -> list[FloatArray]:
    """Return the columns of ``RECORD_FEATURES``, each of shape (n,).

    Parameters
    ----------
    conversations : n of them.
    """
    return [*_totals(conversations), *_over_time(records_of(conversations))]


def _totals(conversations: Conversations) -> list[FloatArray]:
    frame = conversations.frame
    forward = forward_is_sent(frame)
    sent, received = directed(frame, "packet_delta_count", forward)
    sent_octets, received_octets = directed(frame, "octet_delta_count", forward)
    seen_s = duration_s(frame)
    sent_size, received_size = divide(sent_octets, sent), divide(received_octets, received)
    return [
        60 * divide(sent, seen_s),
        60 * divide(received, seen_s),
        divide(sent, received),
        np.clip(divide(sent - received, received), 0.0, 1.0),
        sent_size,
        received_size,
        divide(sent_size, received_size),
        divide(sent_octets, received_octets),
    ]


def _over_time(records: Records) -> list[FloatArray]:
    sent, received = records.sent_packets, records.received_packets
    sent_size = _size(records.sent_octets, sent)
    received_size = _size(records.received_octets, received)
    return [
        _dispersion(sent),
        _dispersion(received),
        _enough(records.sent_octets, records.sent_octets.variation()),
        _enough(records.received_octets, records.received_octets.variation()),
        _enough(sent_size, sent_size.variation()),
        _enough(received_size, received_size.variation()),
        correlation(sent_size, received_size),
        correlation(sent, sent_size),
        correlation(received, received_size),
        correlation(sent, received),
        unexplained(records.sent_octets, sent, received),
        unexplained(records.received_octets, sent, received),
    ]


def _size(octets: Ragged, packets: Ragged) -> Ragged:
    """Mean packet of each record; a record without packets has none, and counts as 0 octets."""
    return octets.with_values(octets.values / np.maximum(packets.values, 1.0))


def _enough(counts: Ragged, statistic: FloatArray) -> FloatArray:
    return np.where(counts.count() >= LEAST, statistic, np.nan)


def _dispersion(counts: Ragged) -> FloatArray:
    """Variance over mean: 1 if what is counted comes by chance, 0 if it comes by a clock."""
    return _enough(counts, divide(counts.std() ** 2, counts.mean()))


def _moment(left: Ragged, right: Ragged) -> FloatArray:
    return left.with_values(left.values * right.values).sum()


def _centred(counts: Ragged) -> Ragged:
    return counts.with_values(counts.values - counts.mean()[counts.owner])


def correlation(left: Ragged, right: Ragged) -> FloatArray:
    """Return the correlation of two counters over each conversation's records, shape (n,).

    Parameters
    ----------
    left : one value a record.
    right : another, of the same records.

    Examples
    --------
    >>> one = Ragged(np.array([1.0, 2.0, 3.0, 4.0]), np.array([4]))
    >>> correlation(one, one.with_values(-one.values)).round(6)
    array([-1.])
    """
    a, b = _centred(left), _centred(right)
    below = np.sqrt(_moment(a, a) * _moment(b, b))
    below = np.where(below > _TINY, below, np.nan)
    return _enough(left, _moment(a, b) / below)


def unexplained(octets: Ragged, sent: Ragged, received: Ragged) -> FloatArray:
    """Return how far octets are from a linear function of packet counts, per octet; shape (n,).

    The function is of least squares, with a weight for packets sent and one for packets received
    and nothing added: 0 where every message of a kind has the same size.

    Parameters
    ----------
    octets : of each record.
    sent : packets of each record.
    received : packets of each record.

    Examples
    --------
    >>> def of(*values): return Ragged(np.array(values, float), np.array([len(values)]))
    >>> sent, received = of(4, 2, 7, 5), of(2, 2, 4, 3)
    >>> exact = sent.with_values(52 * sent.values + 150 * (sent.values - received.values))
    >>> bool(unexplained(exact, sent, received)[0] < 1e-4)
    True
    """
    aa, ab, bb = _moment(sent, sent), _moment(sent, received), _moment(received, received)
    ay, by = _moment(sent, octets), _moment(received, octets)
    ridge = _TINY * (aa + bb)
    aa, bb = aa + ridge, bb + ridge
    below = aa * bb - ab**2
    below = np.where(below > 0, below, np.nan)
    of_sent, of_received = (ay * bb - by * ab) / below, (by * aa - ay * ab) / below
    guess = of_sent[octets.owner] * sent.values + of_received[octets.owner] * received.values
    off = octets.with_values((octets.values - guess) ** 2).sum()
    return _enough(octets, divide(np.sqrt(off * octets.count()), octets.sum()))
