# SPDX-License-Identifier: Apache-2.0
"""Features of volume: how much, how fast, how lopsided. No address, no port, no clock time."""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl

from minewatch.features.direction import directed, forward_is_outbound, forward_is_sent
from minewatch.features.matrix import as_matrix, divide, duration_s, is_complete, unknown
from minewatch.types import Conversations, FeatureMatrix, FloatArray

COUNTER_COLUMNS: Final = (
    "packet_delta_count",
    "reverse_packet_delta_count",
    "octet_delta_count",
    "reverse_octet_delta_count",
    "flow_start_nanoseconds",
    "flow_end_nanoseconds",
)
"""What every flow log knows: enough for the paper's features and most of ours."""

BITS_PER_OCTET: Final = 8

LENGTH_FEATURES: Final = (
    "sent_packets",
    "received_packets",
    "sent_octets",
    "received_octets",
    "duration",
)
"""Features of ``VolumeFeatures`` that grow with the time watched. Recordings of mining are long
and others short, so a model given these learns the recordings; training leaves them out."""

STACK_FEATURES: Final = (
    "push_ratio",
    "sent_push_ratio",
    "received_push_ratio",
    "acknowledgement_ratio",
    "minimum_packet",
)
"""Features of ``VolumeFeatures`` that tell the TCP stack and its options (time stamps, delayed
ACKs) more than the application; training leaves them out too, for the same reason."""


class PaperFeatures:
    """The six statistics of Kwedza & Chindipha: three rates, outbound and inbound.

    A direction of fewer than two packets is no flow to the paper, so its features are NaN, as
    they are when it is unknown which side is watched ("neither outbound nor inbound" is dropped
    by the paper). The paper divides by each direction's own duration; a biflow record holds one
    duration for both, so that one is used here.

    Blind spots: conversations within one clock tick (duration 0: rates are NaN, bits per packet
    are not); anything about payload or timing.

    Features
    --------
    outbound_bits_per_packet     [bit] : bits (IP header on) / packets. NaN if < 2 packets.
    inbound_bits_per_packet      [bit] : the same, towards the watched side.
    outbound_bits_per_second     [bit/s] : bits / duration. NaN if < 2 packets or duration 0.
    inbound_bits_per_second      [bit/s] : the same, towards the watched side.
    outbound_packets_per_second  [1/s] : packets / duration. NaN if < 2 packets or duration 0.
    inbound_packets_per_second   [1/s] : the same, towards the watched side.

    Notes
    -----
    Cost O(n) and no state; each row depends on itself alone.

    References
    ----------
    .. [1] P. Kwedza, S. D. Chindipha, "Cryptojacking Detection in Cloud Infrastructure using
       Network Traffic", section III-D and Figure 1.

    Examples
    --------
    >>> frame = pl.DataFrame({
    ...     "packet_delta_count": [10], "reverse_packet_delta_count": [1],
    ...     "octet_delta_count": [1000], "reverse_octet_delta_count": [60],
    ...     "flow_start_nanoseconds": [0], "flow_end_nanoseconds": [4_000_000_000],
    ...     "is_source_home": [True],
    ... })
    >>> PaperFeatures().transform(Conversations(frame)).values
    array([[ 800. ,    nan, 2000. ,    nan,    2.5,    nan]], dtype=float32)
    """

    name = "paper"
    feature_names: tuple[str, ...] = (
        "outbound_bits_per_packet",
        "inbound_bits_per_packet",
        "outbound_bits_per_second",
        "inbound_bits_per_second",
        "outbound_packets_per_second",
        "inbound_packets_per_second",
    )
    feature_units: tuple[str, ...] = ("bit", "bit", "bit/s", "bit/s", "1/s", "1/s")
    feature_phrases: tuple[str, ...] = (
        "mean size of outbound packets",
        "mean size of inbound packets",
        "outbound rate",
        "inbound rate",
        "outbound packet rate",
        "inbound packet rate",
    )
    requires: tuple[str, ...] = (*COUNTER_COLUMNS, "is_source_home")

    def transform(self, conversations: Conversations) -> FeatureMatrix:
        """Return one float32 row a conversation, in the order of ``feature_names``."""
        frame = conversations.frame
        if not is_complete(frame, self.requires):
            return unknown(frame.height, self.feature_names, self.feature_units)
        is_forward = forward_is_outbound(frame)
        out_packets, in_packets = directed(frame, "packet_delta_count", is_forward)
        out_octets, in_octets = directed(frame, "octet_delta_count", is_forward)
        duration = duration_s(frame)
        columns = []
        for packets, octets in ((out_packets, out_octets), (in_packets, in_octets)):
            packets[~(packets >= 2)] = np.nan
            bits = np.where(np.isnan(packets), np.nan, octets * BITS_PER_OCTET)
            columns.append(
                (divide(bits, packets), divide(bits, duration), divide(packets, duration))
            )
        ordered = [side[statistic] for statistic in range(3) for side in columns]
        return as_matrix(ordered, self.feature_names, self.feature_units)


class VolumeFeatures:
    """Counts, sizes, rates and ratios of a biflow, as flow-based miner detectors use them.

    *Sent* is the client's direction (see ``features.direction``), *received* the server's. All
    octets are counted from the IP header on, except those named payload.

    Blind spots: a proxy or a padded tunnel changes every size; totals and duration grow with the
    time watched, so a model that leans on them depends on how long it could look. Flow logs
    without payload, PSH and ACK counts or packet extremes leave those features NaN.

    Features
    --------
    sent_packets                   [packets] : DeCrypto PACKETS [2]_. Range >= 0.
    received_packets               [packets] : DeCrypto PACKETS_REV. Range >= 0.
    sent_octets                    [octets] : DeCrypto BYTES. Range >= 0.
    received_octets                [octets] : DeCrypto BYTES_REV. Range >= 0.
    duration                       [s] : last packet - first packet; DeCrypto DURATION, and [3]_.
    packet_interval                [s] : duration / (packets - 1); DeCrypto AVG_PKT_INTERVAL. NaN
                                         if < 2 packets.
    octets_per_packet              [octets] : both directions; DeCrypto AVG_PKT_LEN, [3]_ B/pkt.
    sent_octets_per_packet         [octets] : the paper's bits/packet / 8. NaN if no packet.
    received_octets_per_packet     [octets] : the same, received. NaN if no packet.
    sent_bits_per_second           [bit/s] : i Munoz et al. [1]_. NaN if duration 0.
    received_bits_per_second       [bit/s] : the same, received. NaN if duration 0.
    sent_packets_per_minute        [1/min] : [1]_ per second, [3]_ per minute. NaN if duration 0.
    received_packets_per_minute    [1/min] : the same, received. NaN if duration 0.
    octets_ratio                   [1] : sent / received octets [1]_. NaN if none were received.
    packets_ratio                  [1] : sent / received packets [1]_. NaN if none were received.
    sent_octets_share              [1] : sent / all octets; DeCrypto SENT_% (RECV_% is 1 - it).
    data_symmetry                  [1] : smaller / larger of sent and received octets; DeCrypto
                                         DATA_SYMMETRY (the name is theirs, the formula ours).
    push_ratio                     [1] : packets with PSH / packets; DeCrypto PSH_RATIO, [3]_.
    sent_push_ratio                [1] : the same, sent. NaN if no packet.
    received_push_ratio            [1] : the same, received. NaN if no packet.
    acknowledgement_ratio          [1] : packets with ACK / packets; [3]_ and NEMEA.
    minimum_packet                 [octets] : smallest packet of both; DeCrypto MIN_PKT_LEN.
    sent_payload_per_packet        [octets] : payload octets / packets with payload, sent: the
                                         mean message piece, free of bare ACKs. NaN if none.
    received_payload_per_packet    [octets] : the same, received. NaN if none.
    payload_share                  [1] : payload octets / octets.
    payload_packet_share           [1] : packets with payload / packets.
    sent_payload_packet_share      [1] : sent / all packets with payload. NaN if none.

    Notes
    -----
    Cost O(n) and no state; each row depends on itself alone. Uses no addresses, ports or absolute
    times. A counter of 0 is a value; NaN means that the input could not know or that the
    denominator is 0.

    References
    ----------
    .. [1] J. Z. i Munoz, J. Suarez-Varela, P. Barlet-Ros, "Detecting cryptocurrency miners with
       NetFlow/IPFIX network measurements", IEEE M&N 2019 (rates and in/out ratios; known to us
       through its abstract and the papers that cite it).
    .. [2] R. Plny, K. Hynek, T. Cejka, "DeCrypto: Finding Cryptocurrency Miners on ISP Networks",
       NordSec 2022 (twelve features, by name).
    .. [3] V. Vesely, M. Zadnik, "How to detect cryptocurrency miners? By traffic forensics!",
       Digital Investigation 31, 2019 (B/pkt, pkts/flow, pkts/min, duration, ACK and PSH ratios).

    Examples
    --------
    >>> frame = pl.DataFrame({
    ...     "packet_delta_count": [6], "reverse_packet_delta_count": [3],
    ...     "octet_delta_count": [686], "reverse_octet_delta_count": [630],
    ...     "flow_start_nanoseconds": [0], "flow_end_nanoseconds": [60_000_000_000],
    ...     "is_source_home": [True], "is_initiator_known": [True],
    ... })
    >>> matrix = VolumeFeatures().transform(Conversations(frame))
    >>> matrix.column("sent_packets_per_minute"), matrix.column("packets_ratio")
    (array([6.], dtype=float32), array([2.], dtype=float32))
    >>> matrix.column("payload_share")
    array([nan], dtype=float32)
    """

    name = "volume"
    feature_names: tuple[str, ...] = (
        "sent_packets",
        "received_packets",
        "sent_octets",
        "received_octets",
        "duration",
        "packet_interval",
        "octets_per_packet",
        "sent_octets_per_packet",
        "received_octets_per_packet",
        "sent_bits_per_second",
        "received_bits_per_second",
        "sent_packets_per_minute",
        "received_packets_per_minute",
        "octets_ratio",
        "packets_ratio",
        "sent_octets_share",
        "data_symmetry",
        "push_ratio",
        "sent_push_ratio",
        "received_push_ratio",
        "acknowledgement_ratio",
        "minimum_packet",
        "sent_payload_per_packet",
        "received_payload_per_packet",
        "payload_share",
        "payload_packet_share",
        "sent_payload_packet_share",
    )
    feature_units: tuple[str, ...] = (
        *("packets", "packets", "octets", "octets", "s", "s"),
        *("octets", "octets", "octets", "bit/s", "bit/s", "1/min", "1/min"),
        *("1", "1", "1", "1", "1", "1", "1", "1"),
        *("octets", "octets", "octets", "1", "1", "1"),
    )
    feature_phrases: tuple[str, ...] = (
        "packets sent",
        "packets received",
        "octets sent",
        "octets received",
        "duration",
        "mean gap between packets",
        "mean size of packets",
        "mean size of packets sent",
        "mean size of packets received",
        "rate of sending",
        "rate of receiving",
        "packets sent per minute",
        "packets received per minute",
        "octets sent per octet received",
        "packets sent per packet received",
        "share of all octets that was sent",
        "balance of sent and received octets (1: as many)",
        "share of packets pushed at once (PSH)",
        "share of packets sent that were pushed at once (PSH)",
        "share of packets received that were pushed at once (PSH)",
        "share of packets that acknowledge (ACK)",
        "size of the smallest packet",
        "mean payload of data packets sent",
        "mean payload of data packets received",
        "share of the octets that is payload",
        "share of the packets that carry payload",
        "share of the packets with payload that was sent",
    )
    requires: tuple[str, ...] = COUNTER_COLUMNS

    def transform(self, conversations: Conversations) -> FeatureMatrix:
        """Return one float32 row a conversation, in the order of ``feature_names``."""
        frame = conversations.frame
        if not is_complete(frame, self.requires):
            return unknown(frame.height, self.feature_names, self.feature_units)
        columns = [*_traffic(frame), *_flags(frame), *_payload(frame)]
        return as_matrix(columns, self.feature_names, self.feature_units)


def _traffic(frame: pl.DataFrame) -> list[FloatArray]:
    """Counts, duration, sizes, rates and ratios: what any flow record can tell."""
    is_forward = forward_is_sent(frame)
    sent, received = directed(frame, "packet_delta_count", is_forward)
    sent_octets, received_octets = directed(frame, "octet_delta_count", is_forward)
    packets, octets = sent + received, sent_octets + received_octets
    duration = duration_s(frame)
    return [
        sent,
        received,
        sent_octets,
        received_octets,
        duration,
        divide(duration, packets - 1),
        divide(octets, packets),
        divide(sent_octets, sent),
        divide(received_octets, received),
        divide(sent_octets * BITS_PER_OCTET, duration),
        divide(received_octets * BITS_PER_OCTET, duration),
        divide(sent * 60, duration),
        divide(received * 60, duration),
        divide(sent_octets, received_octets),
        divide(sent, received),
        divide(sent_octets, octets),
        divide(np.minimum(sent_octets, received_octets), np.maximum(sent_octets, received_octets)),
    ]


def _flags(frame: pl.DataFrame) -> list[FloatArray]:
    """Shares of packets with PSH and with ACK, and the smallest packet."""
    is_forward = forward_is_sent(frame)
    sent, received = directed(frame, "packet_delta_count", is_forward)
    sent_push, received_push = directed(frame, "tcp_psh_total_count", is_forward)
    sent_ack, received_ack = directed(frame, "tcp_ack_total_count", is_forward)
    smallest = np.fmin(*directed(frame, "minimum_ip_total_length", is_forward))
    return [
        divide(sent_push + received_push, sent + received),
        divide(sent_push, sent),
        divide(received_push, received),
        divide(sent_ack + received_ack, sent + received),
        smallest,
    ]


def _payload(frame: pl.DataFrame) -> list[FloatArray]:
    """Size of the pieces of messages, and how much of the traffic is payload."""
    is_forward = forward_is_sent(frame)
    sent, received = directed(frame, "payload_packet_count", is_forward)
    sent_octets, received_octets = directed(frame, "payload_octet_count", is_forward)
    packets = sum(directed(frame, "packet_delta_count", is_forward))
    octets = sum(directed(frame, "octet_delta_count", is_forward))
    return [
        divide(sent_octets, sent),
        divide(received_octets, received),
        divide(sent_octets + received_octets, octets),
        divide(sent + received, packets),
        divide(sent, sent + received),
    ]
