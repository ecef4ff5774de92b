# SPDX-License-Identifier: Apache-2.0
"""What is true of every simulated conversation: one row each, compact until it is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from minewatch.errors import ConfigError
from minewatch.lab.simulator.normal import TrafficKind
from minewatch.lab.simulator.script import Conversations, IntArray
from minewatch.lab.simulator.ventures import Venture
from minewatch.lab.simulator.world import server_name

_KEPT = (
    "protocol initiator_address initiator_port responder_address responder_port start_s end_s"
    " is_initiator_home close"
).split()
_NETWORK = "rtt_s jitter_s loss mss has_timestamps ack_delay_s keepalive_s".split()


@dataclass(slots=True)
class Truth:
    """Collects batches."""

    _columns: dict[str, list[npt.NDArray[np.generic]]] = field(default_factory=dict)

    def add(
        self,
        conversations: Conversations,
        kind: npt.NDArray[np.int16],
        venture: npt.NDArray[np.int32],
        place: npt.NDArray[np.int8],
    ) -> None:
        """Add conversations.

        Parameters
        ----------
        conversations : of a batch.
        kind : number of each one's normal kind, -1 for mining.
        venture, place : numbers of who mines and where, -1 for normal ones.
        """
        rows = {name: getattr(conversations, name) for name in _KEPT}
        for name in _NETWORK:
            column = getattr(conversations, name)
            rows[name] = column.astype(np.float32) if column.dtype == np.float64 else column
        rows |= {"kind": kind, "venture": venture, "place": place}
        for name, column in rows.items():
            self._columns.setdefault(name, []).append(column)

    def write(
        self,
        path: Path,
        kinds: Sequence[TrafficKind],
        ventures: Sequence[Venture],
        servers: IntArray,
    ) -> None:
        """Write all rows as Parquet, or as CSV if the name ends so.

        Parameters
        ----------
        path : ``truth.parquet`` or ``truth.csv``.
        kinds, ventures : what the numbers mean.
        servers : addresses of the watched servers, ascending.

        Raises
        ------
        ConfigError : there are no conversations yet, or the name ends otherwise.
        """
        if path.suffix not in (".parquet", ".csv"):
            raise ConfigError(f"{path}: the truth is written as .parquet or .csv")
        if not self._columns:
            raise ConfigError(f"{path}: take the population's batches first, then its truth")
        columns = {name: np.concatenate(parts) for name, parts in self._columns.items()}
        kind, venture = columns.pop("kind"), columns.pop("venture")
        place = columns.pop("place")
        is_home = columns["is_initiator_home"]
        home = np.where(is_home, columns["initiator_address"], columns["responder_address"])
        hosts = pl.Series([server_name(number) for number in range(len(servers))])
        frame = pl.DataFrame(columns)
        names = pl.Series([*(k.service for k in kinds), "mining"])
        where = np.where(venture >= 0, venture.astype(np.int64) * 2 + place, -1)
        frame = frame.with_columns(
            pl.col("initiator_address", "responder_address").map_batches(
                _dotted, return_dtype=pl.String
            ),
            service=names[kind.astype(np.int64) % len(names)],
            host=hosts[np.searchsorted(servers, home)],
            is_mining=pl.Series(kind < 0),
            venture=pl.Series(where),
        )
        # A left join keeps the order of the left side's rows only if told to.
        frame = frame.join(_ventures(ventures), on="venture", how="left", maintain_order="left")
        frame = frame.drop("venture")
        if path.suffix == ".csv":
            frame.write_csv(path)
        else:
            frame.write_parquet(path)


def _dotted(column: pl.Series) -> pl.Series:
    numbers = np.asarray(column, np.uint32)
    octets = [pl.Series(((numbers >> shift) & 0xFF).astype(np.uint8)) for shift in (24, 16, 8, 0)]
    frame = pl.DataFrame({str(i): series for i, series in enumerate(octets)})
    return frame.select(pl.format("{}.{}.{}.{}", "0", "1", "2", "3")).to_series()


def _ventures(ventures: Sequence[Venture]) -> pl.DataFrame:
    rows = [
        {
            "venture": number * 2 + at,
            "coin": place.pool.coin,
            "algorithm": place.pool.algorithm,
            "dialect": place.pool.dialect,
            "transport": place.pool.transport,
            "pool": place.pool.name,
            "miner": venture.miner.name,
            "evasion": "+".join(venture.miner.evasions),
            "hash_rate": venture.miner.hash_rate,
            "difficulty": place.pool.difficulty,
            "block_mean_s": place.pool.block_mean_s,
            "refresh_s": place.pool.refresh_s,
        }
        for number, venture in enumerate(ventures)
        for at, place in enumerate(venture.places)
    ]
    texts = "coin algorithm dialect transport pool miner evasion".split()
    numbers = "hash_rate difficulty block_mean_s refresh_s".split()
    schema = {"venture": pl.Int64(), **dict.fromkeys(texts, pl.String())}
    return pl.DataFrame(rows, schema={**schema, **dict.fromkeys(numbers, pl.Float64())})
