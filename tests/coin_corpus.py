# SPDX-License-Identifier: Apache-2.0
"""A small corpus of miners of three kinds, told apart by the sizes of their messages."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from minewatch import gate
from minewatch.testing import conversations
from minewatch.training.corpus import tables
from minewatch.training.corpus.stored import Corpus

NS = 10**9


@dataclass(frozen=True)
class Miners:
    """How one kind of miner talks: sizes of shares, results and jobs, and gaps between them."""

    dialect: str
    algorithm: str
    coin: str
    share: int
    result: int
    job: int
    share_gap_s: float
    job_gap_s: float


KINDS = (
    Miners("cryptonote", "rx/0", "XMR", 186, 66, 378, 20.0, 75.0),
    Miners("zcash", "equihash", "ZEC", 2850, 36, 300, 25.0, 60.0),
    Miners("eth-proxy", "ethash", "ETC", 210, 40, 243, 9.0, 4.0),
)


def packets_of(miners: Miners, seconds: float, rng: np.random.Generator) -> pl.DataFrame:
    """Return the packets of one conversation, payload and bare acknowledgements."""
    rows = [(0.0, 0, True, 2), (0.02, 0, False, 18), (0.1, 300, True, 24), (0.2, 400, False, 24)]
    for at in np.cumsum(rng.exponential(miners.share_gap_s, 2000)):
        rows += [(1 + at, miners.share, True, 24), (1.05 + at, miners.result, False, 24)]
    for at in np.cumsum(rng.exponential(miners.job_gap_s, 4000)):
        size = miners.job + int(rng.integers(0, 3))
        rows += [(1 + at, size, False, 24), (1.04 + at, 0, True, 16)]
    rows = sorted(row for row in rows if row[0] <= seconds)
    times, payload, forth, flags = zip(*rows, strict=True)
    return pl.DataFrame(
        {
            "offset_ns": [int(at * NS) for at in times],
            "octets": [n + 52 for n in payload],
            "payload_octets": payload,
            "from_initiator": forth,
            "tcp_flags": flags,
        }
    )


def corpus(
    pools: int = 4, each: int = 3, kinds: tuple[Miners, ...] = KINDS, source: str = "made"
) -> Corpus:
    """Return ``each`` conversations at each of ``pools`` pools of each kind, and one normal."""
    rng = np.random.default_rng(4)
    frames, packets, decoded = [], [], []
    number = 0
    for miners in (*kinds, None):
        for pool in range(pools if miners else 1):
            for _ in range(each if miners else 1):
                number += 1
                seconds = float(rng.uniform(900, 1500))
                some = packets_of(miners or KINDS[0], seconds, rng)
                packets.append(some.with_columns(conversation=pl.lit(number)))
                name = f"{miners.dialect}-{pool}" if miners else "broker"
                frames.append(row(number, some, miners, name, source))
                if miners and number % 2:
                    decoded.append(seen(number, miners))
    everything = pl.concat(frames, how="vertical_relaxed")
    return Corpus(
        shaped(everything, tables.LABELLED),
        shaped(pl.concat(packets), tables.PACKET),
        shaped(pl.concat(decoded, how="diagonal"), tables.AT),
    )


def row(
    number: int, packets: pl.DataFrame, miners: Miners | None, pool: str, source: str
) -> pl.DataFrame:
    forth, octets = pl.col("from_initiator"), pl.col("payload_octets")
    counted = packets.select(
        packet_delta_count=forth.sum(),
        reverse_packet_delta_count=(~forth).sum(),
        octet_delta_count=pl.col("octets").filter(forth).sum(),
        reverse_octet_delta_count=pl.col("octets").filter(~forth).sum(),
        payload_packet_count=(forth & (octets > 0)).sum(),
        reverse_payload_packet_count=(~forth & (octets > 0)).sum(),
        payload_octet_count=octets.filter(forth).sum(),
        reverse_payload_octet_count=octets.filter(~forth).sum(),
    ).row(0, named=True)
    frame = conversations(1, **counted).frame
    start = pl.col("flow_start_nanoseconds")
    labels = {
        "label": "mining" if miners else "normal",
        "source": source,
        "capture": "made.pcap",
        "remote": pool,
        "service": "mining" if miners else "broker",
        "coin": miners.coin if miners else None,
        "algorithm": miners.algorithm if miners else None,
        "dialect": miners.dialect if miners else None,
        "pool": pool,
        "gate_reason": gate.PASSED,
    }
    return frame.with_columns(
        pl.lit(number).alias("conversation"),
        flow_end_nanoseconds=start + packets["offset_ns"].max(),
        is_kept=pl.lit(value=True),
        is_first_only=pl.lit(value=False),
        horizon_limit_s=pl.lit(None, pl.Float64),
        **{name: pl.lit(value, pl.String) for name, value in labels.items()},
    )


def seen(number: int, miners: Miners) -> pl.DataFrame:
    """Return what the decoder read of a conversation in the clear."""
    login = {"XMR": "41ymEBmv…kcpu", "ZEC": "t1Rv4exT…Zr7b"}.get(miners.coin)
    return pl.DataFrame(
        {
            "conversation": [number],
            "horizon_s": [tables.WHOLE],
            "stratum_dialect": [miners.dialect],
            "stratum_algorithm": [miners.algorithm],
            "stratum_login": [login],
        }
    )


def shaped(frame: pl.DataFrame, schema: dict[str, pl.DataType]) -> pl.DataFrame:
    """Return a table of the schema's columns, null where the frame has none."""
    return frame.select(
        (pl.col(name) if name in frame.columns else pl.lit(None)).cast(dtype).alias(name)
        for name, dtype in schema.items()
    )
