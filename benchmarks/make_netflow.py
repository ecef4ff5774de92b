# SPDX-License-Identifier: Apache-2.0
"""Make NetFlow v9 datagrams as a router sends them, each with two octets of length before it.

Each has 30 records of one template of 20 fields, about what Cisco's own "original" record has; the
first one, and every thousandth, carries the template too. The numbers are random and the same in
every run.
"""

import random
import struct
import sys
from pathlib import Path

RECORDS_EACH = 30
TEMPLATE_EVERY = 1000
FIELDS = (
    *((8, 4), (12, 4), (15, 4), (10, 4), (14, 4), (2, 4), (1, 4), (22, 4), (21, 4), (7, 2)),
    *((11, 2), (6, 1), (4, 1), (5, 1), (61, 1), (16, 4), (17, 4), (9, 1), (13, 1), (48, 1)),
)
RECORD = struct.Struct(">IIIIIIIIIHHBBBBIIBBB")
SENT_S = 1_700_000_000
SEED = 1


def template() -> bytes:
    fields = b"".join(struct.pack(">HH", *field) for field in FIELDS)
    return struct.pack(">HHHH", 0, 8 + len(fields), 256, len(FIELDS)) + fields


def record(chance: random.Random, uptime_ms: int) -> bytes:
    ends = (0x0A000000 | chance.getrandbits(16), 0xC6336400 | chance.getrandbits(8))
    packets = chance.randrange(1, 2000)
    last = uptime_ms - chance.randrange(60_000)
    times = (last - chance.randrange(60_000), last)
    ports = (chance.randrange(1024, 65_536), chance.choice((443, 80, 3333)))
    counts = (packets, packets * chance.randrange(40, 1500))
    rest = (0x1B, 6, 0, 0, 65_000, 65_001, 24, 16, 0)
    return RECORD.pack(*ends, 0x0A0000FE, 1, 2, *counts, *times, *ports, *rest)


def datagram(chance: random.Random, number: int) -> bytes:
    uptime_ms = 1_000_000 + 10 * number
    body = b"".join(record(chance, uptime_ms) for _ in range(RECORDS_EACH))
    sets = struct.pack(">HH", 256, 4 + len(body)) + body
    n = RECORDS_EACH
    if number % TEMPLATE_EVERY == 0:
        sets, n = template() + sets, n + 1
    return struct.pack(">HHIIII", 9, n, uptime_ms, SENT_S + number // 100, number, 1) + sets


def main() -> None:
    n, path = int(sys.argv[1]), Path(sys.argv[2])
    chance = random.Random(SEED)
    with path.open("wb") as file:
        for number in range(n):
            data = datagram(chance, number)
            file.write(struct.pack(">H", len(data)) + data)


if __name__ == "__main__":
    main()
