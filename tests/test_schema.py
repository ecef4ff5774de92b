# SPDX-License-Identifier: Apache-2.0
import polars as pl
import pytest

from minewatch import schema
from minewatch.errors import SchemaError
from minewatch.metering.state import RECORD_COLUMNS


def test_the_kernel_writes_every_column_of_a_flow():
    assert set(RECORD_COLUMNS) == {column.name for column in schema.FLOW}


def test_counters_are_64_bits():
    # polars wraps sums of shorter integers silently.
    assert {column.dtype for column in schema.COUNTERS} == {pl.Int64()}


@pytest.mark.parametrize("column", schema.CONVERSATION, ids=lambda column: column.name)
def test_every_column_says_what_it_is(column):
    assert column.description.endswith(".")
    assert column.unit in {"-", "1", "ns", "packets", "octets"}


def test_every_counter_has_its_reverse():
    names = {column.name for column in (*schema.COUNTERS, *schema.EXTREMES, *schema.FLAGS)}
    forward = {name for name in names if not name.startswith("reverse_")}
    assert names - forward == {f"reverse_{name}" for name in forward}


def test_kinds_are_different_bits_of_eight():
    kinds = [
        value
        for name, value in vars(schema).items()
        if name.startswith("KIND_") and name != "KIND_TALKS"
    ]
    assert sorted(kinds) == [1, 2, 4, 8, 16, 32, 64]


def test_require_names_all_that_is_missing():
    with pytest.raises(SchemaError, match="flows: columns b, c are missing"):
        schema.require(pl.DataFrame({"a": [1]}), ["a", "b", "c"], "flows")
    schema.require(pl.DataFrame({"a": [1]}), ["a"], "flows")
