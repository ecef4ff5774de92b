# SPDX-License-Identifier: Apache-2.0
"""Records of flow logs for tests: a connection from 10.0.0.1:40000 to 198.51.100.1:3333."""

import numpy as np

from minewatch.records import RecordArray, new_records

NS = 1_000_000_000
START = 1_700_000_000 * NS
HOST, POOL = 0xFFFF_0A00_0001, 0xFFFF_C633_6401


def record(start_s: float = 0, length_s: float = 50, back: bool = False, **fields: int):
    """Return one record of one direction, ``start_s`` seconds after ``START``."""
    one = new_records(1)
    ends = [(HOST, 40_000), (POOL, 3333)]
    for side, (low, port) in zip(
        ("source", "destination"), reversed(ends) if back else ends, strict=True
    ):
        one[f"{side}_address_low"] = low
        one[f"{side}_transport_port"] = port
    one["protocol_identifier"] = 6
    one["packet_delta_count"], one["octet_delta_count"] = 10, 1000
    one["flow_start_nanoseconds"] = START + int(start_s * NS)
    one["flow_end_nanoseconds"] = START + int((start_s + length_s) * NS)
    for name, value in fields.items():
        one[name] = value
    return one


def talk(n: int = 10, every_s: float = 60, **fields: int) -> RecordArray:
    """Return ``n`` intervals of both directions."""
    return np.concatenate(
        [record(every_s * i, back=back, **fields) for i in range(n) for back in (False, True)]
    )
