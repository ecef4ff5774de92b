# SPDX-License-Identifier: Apache-2.0
"""What a Stratum exchange looks like without its payload: what ``one-class`` learns from."""

from __future__ import annotations

from minewatch.features.named import NamedFeatures
from minewatch.features.stratum_messages import MESSAGE_FEATURES, message_columns
from minewatch.features.stratum_records import RECORD_FEATURES, record_columns
from minewatch.types import Conversations, FloatArray


class StratumShapeFeatures(NamedFeatures):
    """Requests, answers and notifications, as far as packets or counters tell of them.

    From packets: messages with their roles (``features.exchange``), their rates and proportions,
    how sizes differ between roles and vary within one, how often one size comes again, how long an
    answer takes. From totals and interval records: what packet counts suggest of requests and
    notifications, mean packets both ways and their quotient, how counters vary from interval to
    interval and go with each other, and how much of the octets is a linear function of packet
    counts, as it is where every message of a kind has its size.

    From [1]_ is the idea: to reconstruct the Stratum protocol from flow records. From the abstract
    of its authors' patent application [2]_ are the quotient of message sizes, how unequally often
    sizes occur, the rates of messages each way, the correlation of the mean packets of both ways,
    and that of the number of packets with their mean size. Ours are the roles of messages, sizes
    by role, the counts of requests by acknowledgements, dispersions, and the linear fit. The list
    of features in the paper itself was not at hand.

    Blind spots: padding to random sizes; several miners in one connection (proxies that fan in);
    whatever else asks, is answered and is notified, such as JSON-RPC services, brokers of
    messages and IoT hubs; acknowledgements that a middlebox adds.

    Notes
    -----
    Cost O(p log p) for p kept packets and O(r) for r interval records. Differences of sizes,
    spreads and repeats are invariant to the constant that TLS adds; median sizes and mean packets
    shift. Invariant to addresses, ports and absolute time. NaN where an input does not tell, or
    tells of fewer than three messages or records.

    References
    ----------
    .. [1] M. Russo, N. Srndic, P. Laskov, "Detection of illicit cryptomining using network
       metadata", EURASIP J. on Information Security, 2021, doi 10.1186/s13635-021-00126-1.
    .. [2] M. Russo et al., "Detecting network traffic", WO 2020/160755 A1, abstract.

    Examples
    --------
    >>> from minewatch.testing import conversations
    >>> features = StratumShapeFeatures()
    >>> values = features.transform(conversations(packet_delta_count=75)).values[0]
    >>> float(values[features.feature_names.index("packets_ratio")])
    1.5
    """

    name = "stratum-shape"
    requires = ("flow_id", "flow_start_nanoseconds", "flow_end_nanoseconds")
    features = (*MESSAGE_FEATURES, *RECORD_FEATURES)

    def columns(self, conversations: Conversations) -> list[FloatArray]:
        """Return ``message_columns`` and ``record_columns``.

        Parameters
        ----------
        conversations : n of them.
        """
        return [*message_columns(conversations), *record_columns(conversations)]
