# SPDX-License-Identifier: Apache-2.0
"""A small conversation as tables of packets and ends, for tests of what is exported."""

import polars as pl

from minewatch.exporting.observing import ENDPOINTS, PACKET, observed, sampled
from minewatch.exporting.telling import logged
from minewatch.exporting.windows import windowed

S = 1_000_000_000
HOME, AWAY, OTHER_HOME = (0, 0xFFFF_0A00_0005), (0, 0xFFFF_CB00_7107), (0, 0xFFFF_0A00_0006)


def packets(*rows, conversation=1):
    """Packets of (seconds, octets, from_initiator, flags)."""
    return pl.DataFrame(
        {
            "conversation": [conversation] * len(rows),
            "time_ns": [round(row[0] * S) for row in rows],
            "octets": [row[1] for row in rows],
            "payload_octets": [max(0, row[1] - 40) for row in rows],
            "from_initiator": [row[2] for row in rows],
            "tcp_flags": [row[3] for row in rows],
        },
        schema=PACKET,
    )


def ends(
    conversation=1,
    responder=AWAY,
    protocol=6,
    ports=(40000, 3333),
    homes=(True, False),
    initiator=HOME,
):
    row = [conversation, *initiator, *responder, *ports, protocol, *homes]
    return pl.DataFrame([row], ENDPOINTS, orient="row")


def told(records, *names):
    return [tuple(int(record[name]) for name in names) for record in records]


TALK = packets(
    (100.25, 60, True, 0x02),
    (100.5, 60, False, 0x12),
    (100.75, 40, True, 0x10),
    (119.0, 240, True, 0x18),
    (121.0, 540, False, 0x18),
    (185.0, 140, False, 0x18),
)


def many(n=20_000):
    return packets(*((t / 100, 100, t % 2 == 0, 0x18) for t in range(n)))


def log_of(talk, both, settings):
    """Return what a log tells of packets, as writers are given it."""
    rows = windowed(sampled(observed(talk, both, settings), settings), settings)
    return logged(rows, both, settings)
