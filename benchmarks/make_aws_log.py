# SPDX-License-Identifier: Apache-2.0
"""Write an AWS flow log of any size, version 2, of a network that does not exist.

The same size and seed give the same file. Windows of 60 s follow each other. Most conversations are
over within seconds, as in real networks; a few last for twenty windows, so that about as many pass
minewatch's gate as of real captures (3 in 100). Every one is two records a window, one a direction,
of the interface of the side that is watched. 85 in 100 are TCP, 13 UDP, 2 ICMP; of 100 records 3
are rejected (these have no answer) and 1 says NODATA. The conversations' numbers, hashed, give
their addresses, ports and counts, so nothing is kept from one window to the next.
"""

import argparse
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

HEADER = (
    "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start"
    " end action log-status\n"
)
WINDOW_S = 60
START_S = 1_700_000_000
SHORT_OF_A_WINDOW = 15_000
LONG_OF_A_WINDOW = 5_000
WINDOWS_OF_LONG = 20
FIRST_LONG = 1 << 40
INTERFACES = 2000
PORTS = np.array([443] * 60 + [80] * 12 + [53] * 10 + [22, 25, 123, 3306, 5432, 6379, 8080, 9092])
FLOW_FIELDS = (
    "version interface source destination source_port destination_port protocol packets octets"
).split()
Hashes = npt.NDArray[np.uint64]


def hashes(numbers: npt.NDArray[np.int64], use: int) -> Hashes:
    """Return a hash of each number (splitmix64), another for each use."""
    mixed = numbers.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    mixed += np.uint64((use * 0xD1B54A32D192ED03) & 0xFFFF_FFFF_FFFF_FFFF)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    return mixed ^ (mixed >> np.uint64(31))


def below(hashed: Hashes, n: int, shift: int = 0) -> pl.Series:
    """Return numbers from 0 to n - 1."""
    return pl.Series(((hashed >> np.uint64(shift)) % np.uint64(n)).astype(np.int64))


def conversations(numbers: npt.NDArray[np.int64], seed: int) -> pl.DataFrame:
    """Return what conversations are: their two ends, protocol and interface, as text."""
    client, server, kind = (hashes(numbers, 8 * seed + use) for use in range(3))
    share = below(kind, 100)
    frame = pl.DataFrame(
        {
            "interface": below(client, INTERFACES),
            "server": below(server, 1 << 24),
            "client_port": below(client, 28_000, 20) + 32_768,
            "server_port": pl.Series(PORTS[below(kind, len(PORTS), 16).to_numpy()]),
            "protocol": pl.select(
                pl.when(share < 85).then(6).when(share < 98).then(17).otherwise(1)
            ).to_series(),
            "is_rejected": below(kind, 1000, 32) < 60,  # a record, and not two: 3 % of records
        }
    )
    place, server_place = pl.col("interface"), pl.col("server")
    ports = [
        pl.when(pl.col("protocol") == 1).then(0).otherwise(pl.col(name)).alias(name)
        for name in ("client_port", "server_port")
    ]
    return frame.with_columns(
        *ports,
        interface=pl.format("eni-0a1b2c3d4e5f{}", (place + 0x10000).cast(pl.String)),
        client=pl.format("10.0.{}.{}", place // 250, place % 250 + 4),
        server=pl.format(
            "{}.{}.{}.{}",
            server_place % 150 + 20,
            server_place // 256 % 256,
            server_place // 65536,
            server_place % 251 + 2,
        ),
    )


def window(numbers: npt.NDArray[np.int64], place: int, seed: int) -> pl.DataFrame:
    """Return the records of one window of 60 s, in an order that no rule can foretell."""
    known = conversations(numbers, seed)
    parts = []
    for direction, (source, destination) in enumerate((("client", "server"), ("server", "client"))):
        counted = hashes(numbers, 8 * seed + 4 + direction + 1000 * (place + 1))
        begin = below(counted, 20, 16) + (START_S + place * WINDOW_S)
        # Few packets mostly, thousands rarely.
        packets = pl.Series(np.left_shift(1, below(counted, 12).to_numpy())) + below(counted, 7, 8)
        lasts = below(counted, 20, 32) + pl.Series(np.where(numbers < FIRST_LONG, 0, 20))
        part = known.with_columns(
            version=pl.lit("2 123456789012"),
            source=pl.col(source),
            destination=pl.col(destination),
            source_port=pl.col(f"{source}_port"),
            destination_port=pl.col(f"{destination}_port"),
            packets=packets,
            octets=packets * (below(counted, 1400, 24) + 52),
            start=begin,
            end=begin + lasts,
            action=pl.when("is_rejected").then(pl.lit("REJECT")).otherwise(pl.lit("ACCEPT")),
            order=pl.Series(counted),
            is_idle=below(counted, 100, 40) == 0,
        )
        parts.append(part if direction == 0 else part.filter(~pl.col("is_rejected")))
    return pl.concat(parts).sort("order")


def as_lines(records: pl.DataFrame) -> pl.Series:
    """Return the lines of the log."""
    flow = pl.concat_str(*FLOW_FIELDS, separator=" ")
    nothing = pl.concat_str("version", "interface", pl.lit("- - - - - - -"), separator=" ")
    times = pl.concat_str("start", "end", separator=" ")
    usual = pl.concat_str(flow, times, "action", pl.lit("OK"), separator=" ")
    idle = pl.concat_str(nothing, times, pl.lit("- NODATA"), separator=" ")
    return records.select(pl.when("is_idle").then(idle).otherwise(usual)).to_series()


def write_log(path: Path, n: int, seed: int = 1) -> None:
    """Write a log of ``n`` records."""
    left, place = n, 0
    with path.open("w", encoding="ascii") as log:
        log.write(HEADER)
        while left:
            # All of the short conversations are new in each window, and a twentieth of the long.
            first = place * SHORT_OF_A_WINDOW
            short = np.arange(first, first + SHORT_OF_A_WINDOW)
            first = FIRST_LONG + place * (LONG_OF_A_WINDOW // WINDOWS_OF_LONG)
            numbers = np.concatenate([short, np.arange(first, first + LONG_OF_A_WINDOW)])
            lines = as_lines(window(numbers, place, seed).head(left))
            log.writelines((lines.str.join("\n").item(), "\n"))
            left -= len(lines)
            place += 1


def main() -> None:
    parser = argparse.ArgumentParser(description="Write an AWS flow log.")
    parser.add_argument("records", type=int)
    parser.add_argument("path", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    write_log(options.path, options.records, options.seed)


if __name__ == "__main__":
    main()
