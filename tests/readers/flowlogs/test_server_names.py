# SPDX-License-Identifier: Apache-2.0
"""Names in columns."""

import polars as pl

from minewatch.readers.flowlogs.known_names import KnownNames
from minewatch.readers.flowlogs.server_names import server_places
from minewatch.records import Names


def test_places_hold_over_blocks():
    names = Names()
    known = KnownNames(names)
    assert server_places(pl.Series(["a", "b", "a"]), known).tolist() == [0, 1, 0]
    assert server_places(pl.Series(["c", None, "b", ""]), known).tolist() == [2, -1, 1, -1]
    assert names.servers == ["a", "b", "c"]


def test_no_name_at_all():
    names = Names()
    nothing = pl.Series([None, None], dtype=pl.String)
    assert server_places(nothing, KnownNames(names)).tolist() == [-1, -1]
    assert names.servers == []
