# SPDX-License-Identifier: Apache-2.0
import numpy as np
import polars as pl

from minewatch.datasets.packets import packet_rows
from minewatch.datasets.tables import packet_schema
from minewatch.types import PacketSeries


def frame(*rows):
    types = {"conversation": pl.UInt64, "flow_id": pl.UInt64, "flow_start_nanoseconds": pl.Int64}
    return pl.DataFrame(rows, types, orient="row")


def series(times, n_first):
    n = len(times)
    return PacketSeries(np.array(times, np.int64), np.arange(n), np.arange(n) % 2 == 0, n_first)


def test_only_the_conversations_that_are_asked_for():
    packets = {7: series([10, 20, 90], 2), 8: series([1], 1), 9: series([], 0)}
    table = packet_rows(frame((2, 7, 10), (3, 9, 0), (4, 5, 0)), packets)
    assert dict(table.schema) == packet_schema()
    assert table.rows() == [
        (2, 0, 0, True, True),
        (2, 10, 1, False, True),
        (2, 80, 2, True, False),
    ]


def test_none_at_all():
    table = packet_rows(frame(), {})
    assert (table.height, dict(table.schema)) == (0, packet_schema())
