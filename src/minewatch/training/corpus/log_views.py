# SPDX-License-Identifier: Apache-2.0
"""Conversations of a corpus as the flow log of a cloud or an exporter would have told of them.

Packets become records by ``exporting``, and records conversations by ``arranging``: by the code
that writes logs, and by the code that real logs are read with.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from minewatch import schema
from minewatch.address import PRIVATE_NETWORKS, parse_networks
from minewatch.arranging.arrange import arrange
from minewatch.arranging.settings import ArrangeSettings
from minewatch.conversations import is_source_home
from minewatch.exporting import settings as exports
from minewatch.exporting.settings import ExportSettings
from minewatch.exporting.windows import ENDPOINTS, PACKET, log_records
from minewatch.features.octets import with_estimated_octets
from minewatch.metering.tables import PacketTable
from minewatch.training.corpus import tables
from minewatch.training.corpus.stored import Corpus
from minewatch.training.corpus.views import InputKind, View
from minewatch.types import Conversations

_NS: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class LogSetting:
    """One kind of log with one choice of its settings.

    Parameters
    ----------
    name : what results call it: ``aws-60s``.
    title : for a person.
    export : what is done to packets.
    kind : the kind of input that it is most like, among those that models learn from.
    """

    name: str
    title: str
    export: ExportSettings
    kind: InputKind = InputKind.FLOWS_60


LOG_SETTINGS: Final[tuple[LogSetting, ...]] = (
    LogSetting("aws-60s", "AWS VPC Flow Logs, 60 s", exports.aws(60.0)),
    LogSetting(
        "aws-600s", "AWS VPC Flow Logs, 600 s", exports.aws(600.0), kind=InputKind.FLOWS_600
    ),
    LogSetting("gcp-5s", "Google Cloud VPC Flow Logs, 5 s, 1 packet in 10", exports.gcp(5.0)),
    LogSetting("gcp-30s", "Google Cloud VPC Flow Logs, 30 s, 1 packet in 10", exports.gcp(30.0)),
    LogSetting("azure-60s", "Azure flow logs, 60 s", exports.azure_vnet(60.0)),
    LogSetting("zeek", "Zeek conn.log, one record a connection", exports.zeek()),
    LogSetting("netflow-60s", "NetFlow or IPFIX, active 60 s, idle 15 s", exports.ipfix(60.0)),
    LogSetting(
        "netflow-1800s",
        "NetFlow or IPFIX, active 1,800 s, idle 15 s",
        exports.ipfix(1800.0),
        kind=InputKind.FLOWS_600,
    ),
    LogSetting(
        "netflow-60s-1in100",
        "NetFlow or IPFIX, active 60 s, 1 packet in 100",
        exports.ipfix(60.0, sampling=100),
    ),
    LogSetting(
        "netflow-60s-1in1000",
        "NetFlow, IPFIX or sFlow, 1 packet in 1,000",
        exports.ipfix(60.0, sampling=1000),
    ),
)


def log_view(
    corpus: Corpus,
    setting: LogSetting,
    horizon_s: int = tables.WHOLE,
    settings: ArrangeSettings | None = None,
) -> View:
    """Return the conversations that last longer than ``horizon_s``, as a log told of them by then.

    A conversation of which the log makes several (silent for long, or cut) has several rows, and
    one that the gate stops has none.

    Parameters
    ----------
    corpus : the conversations; of those whose packets were not kept nothing is known.
    setting : the log.
    horizon_s : seconds after the first packet; ``WHOLE`` for all of it.
    settings : how records become conversations; None for the defaults.
    """
    known = corpus.conversations.filter("is_kept", ~pl.col("is_first_only"))
    if horizon_s:
        lasts_ns = pl.col("flow_end_nanoseconds") - pl.col("flow_start_nanoseconds")
        known = known.filter(lasts_ns > horizon_s * _NS)
    begin = known.select("conversation", begin="flow_start_nanoseconds")
    packets = corpus.packets.join(begin, on="conversation", how="inner", maintain_order="left")
    if horizon_s:
        packets = packets.filter(pl.col("offset_ns") <= horizon_s * _NS)
    packets = packets.with_columns(time_ns=pl.col("begin") + pl.col("offset_ns"))
    records = log_records(
        packets.select(pl.col(name).cast(dtype) for name, dtype in PACKET.items()),
        _endpoints(known),
        setting.export,
    )
    arranged = arrange(records, settings or ArrangeSettings())
    frame = arranged.passed
    home = parse_networks(PRIVATE_NETWORKS)
    frame = with_estimated_octets(frame.with_columns(is_source_home(home)))
    intervals = with_estimated_octets(arranged.intervals)
    names = [*(column.name for column in schema.CONVERSATION), schema.SAMPLING]
    given = Conversations(frame.select(names), intervals, _no_packets())
    return View(given, _labelled(frame, known))


def _endpoints(known: pl.DataFrame) -> pl.DataFrame:
    """Return ends that no other conversation has, so that it is found again by them.

    The watched end gets an address of 10.0.0.0/8 and the other one of 128.0.0.0/8; ports stay.
    """
    number = known["conversation"].to_numpy().astype(np.uint64)
    is_home = known["is_source_home"].fill_null(value=True).to_numpy()
    near = np.uint64(_MAPPED + (10 << 24)) + number
    far = np.uint64(_MAPPED + (128 << 24)) + number
    columns = {
        "conversation": known["conversation"],
        "source_address_high": pl.Series(np.zeros_like(number)),
        "source_address_low": pl.Series(np.where(is_home, near, far)),
        "destination_address_high": pl.Series(np.zeros_like(number)),
        "destination_address_low": pl.Series(np.where(is_home, far, near)),
        "source_transport_port": known["source_transport_port"],
        "destination_transport_port": known["destination_transport_port"],
        "protocol_identifier": known["protocol_identifier"],
        "is_source_home": pl.Series(is_home),
        "is_destination_home": pl.Series(~is_home),
    }
    return pl.DataFrame(columns).select(
        pl.col(name).cast(dtype) for name, dtype in ENDPOINTS.items()
    )


_MAPPED: Final = 0xFFFF_0000_0000
_NUMBER: Final = (1 << 24) - 1


def _labelled(frame: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """Return what is true of each row, by the number that its addresses carry."""
    number = (pl.col("source_address_low") & _NUMBER).cast(pl.UInt32).alias("conversation")
    return frame.select(number).join(known, on="conversation", how="left", maintain_order="left")


def _no_packets() -> PacketTable:
    none = np.zeros(0, np.int64)
    return PacketTable([], none, none, none, none, none.astype(np.bool_))
