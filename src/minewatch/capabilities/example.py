# SPDX-License-Identifier: Apache-2.0
"""A few miners of one pool, packet by packet: what detectors are asked about for each input."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import polars as pl

from minewatch.decoders import StratumDecoder
from minewatch.schema import KIND_JSON
from minewatch.training.corpus import tables
from minewatch.training.corpus.stored import Corpus
from minewatch.training.corpus.views import as_counted
from minewatch.types import FloatArray, Payload, Segment

MINERS: Final = 3
LASTS_S: Final = 9000.0
POOL: Final = "pool.supportxmr.com"
"""A name of the list that ships."""
MOMENTS_S: Final = (60, 300, 600, 1800, 3600, tables.WHOLE)

_NS: Final = 1_000_000_000
_START: Final = 1_600_000_000 * _NS
_HEADERS: Final = 52
_PUSH, _ACK, _SYN, _SYN_ACK = 24, 16, 2, 18
_OPENING: Final = (
    (
        True,
        b'{"id":1,"jsonrpc":"2.0","method":"login","params":{"login":"4A","pass":"x",'
        b'"agent":"XMRig/6.21.0"}}\n',
    ),
    (
        False,
        b'{"id":1,"jsonrpc":"2.0","error":null,"result":{"id":"a1","job":{"blob":"1010",'
        b'"job_id":"7","target":"b88d0600","algo":"rx/0"},"status":"OK"}}\n',
    ),
    (
        True,
        b'{"id":2,"jsonrpc":"2.0","method":"submit","params":{"id":"a1","job_id":"7",'
        b'"nonce":"0a0b0c0d","result":"00ff"}}\n',
    ),
    (False, b'{"id":2,"jsonrpc":"2.0","error":null,"result":{"status":"OK"}}\n'),
)


def example() -> Corpus:
    """Return the miners: a share every half minute, and the pool's jobs at the same moments.

    Examples
    --------
    >>> example().conversations["label"].to_list()
    ['mining', 'mining', 'mining']
    """
    rng = np.random.default_rng(11)
    jobs = np.cumsum(rng.exponential(60.0, 400))
    packets = [
        _packets(rng, jobs).with_columns(conversation=pl.lit(number, pl.UInt32))
        for number in range(1, MINERS + 1)
    ]
    together = pl.concat(packets).select(list(tables.PACKET))
    known = pl.concat([_known(number) for number in range(1, MINERS + 1)])
    return Corpus(as_counted(known, together), together, _decoded())


def _packets(rng: np.random.Generator, jobs: FloatArray) -> pl.DataFrame:
    rows = [(0.0, 0, True, _SYN), (0.02, 0, False, _SYN_ACK), (0.04, 0, True, _ACK)]
    for i, (is_forth, text) in enumerate(_OPENING):
        rows.append((0.1 + 0.05 * i, len(text), is_forth, _PUSH))
    for at in 1 + np.cumsum(rng.exponential(30.0, 800)):
        rows += [(at, 186, True, _PUSH), (at + 0.05, 66, False, _PUSH), (at + 0.09, 0, True, _ACK)]
    for at in jobs + 1:
        late = at + float(rng.uniform(0.0, 0.2))
        rows += [(late, 378 + int(rng.integers(3)), False, _PUSH), (late + 0.04, 0, True, _ACK)]
    kept = sorted(row for row in rows if row[0] <= LASTS_S)
    times, payload, forth, flags = zip(*kept, strict=True)
    columns = {
        "offset_ns": [int(at * _NS) for at in times],
        "octets": [n + _HEADERS for n in payload],
        "payload_octets": payload,
        "from_initiator": forth,
        "tcp_flags": flags,
        "conversation": [0] * len(times),
    }
    return pl.DataFrame(columns, schema_overrides=tables.PACKET)


def _known(number: int) -> pl.DataFrame:
    values: dict[str, Any] = dict.fromkeys(tables.LABELLED)
    values |= {
        "conversation": number,
        "flow_id": number,
        "source_address_high": 0,
        "source_address_low": 0xFFFF_0A00_0000 + number,
        "destination_address_high": 0,
        "destination_address_low": 0xFFFF_C633_6401,
        "source_transport_port": 40_000 + number,
        "destination_transport_port": 3333,
        "protocol_identifier": 6,
        "vlan_id": 0,
        "flow_start_nanoseconds": _START,
        "flow_end_nanoseconds": _START,
        "is_initiator_known": True,
        "is_source_home": True,
        "payload_kinds": KIND_JSON,
        "interval_count": 1,
        "label": "mining",
        "source": "example",
        "capture": "example",
        "is_kept": True,
        "is_first_only": False,
    }
    return pl.DataFrame([values], schema=tables.LABELLED)


def _decoded() -> pl.DataFrame:
    """What the decoder reads of the opening, at every moment."""
    at = {True: 1, False: 1}
    segments = []
    for i, (forth, text) in enumerate(_OPENING):
        segments.append(Segment(_START + i * _NS // 20, forth, at[forth], len(text), text))
        at[forth] += len(text)
    read = StratumDecoder().decode(Payload(6, segments)) or {}
    rows = [
        {"conversation": number, "horizon_s": moment, **read}
        for number in range(1, MINERS + 1)
        for moment in MOMENTS_S
    ]
    return pl.DataFrame(rows, schema=tables.AT, infer_schema_length=None)
