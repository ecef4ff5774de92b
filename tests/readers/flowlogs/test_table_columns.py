# SPDX-License-Identifier: Apache-2.0
"""Records as tables, and tables as records."""

import numpy as np
import polars as pl
import pytest

from minewatch.address import halves_of
from minewatch.errors import SourceError
from minewatch.readers.flowlogs.table_columns import (
    METER_COLUMNS,
    RECORD_COLUMNS,
    check_columns,
    is_table,
    needed_columns,
    record_frame,
    records_from,
)
from minewatch.records import RECORD, Names, new_records
from minewatch.schema import FLOW


def records():
    """Two records: one that tells everything, and one that tells next to nothing."""
    made = new_records(2)
    for place, name in enumerate(RECORD.names):
        made[name][0] = place + 1
    made["is_source_initiator"][0] = made["is_scaled"][0] = 1
    made["server_name"][0] = 1
    for side, address in (("source", "2001:db8::1"), ("destination", "10.0.0.1")):
        made[f"{side}_address_high"], made[f"{side}_address_low"] = halves_of(address)
    return made


NAMES = Names(servers=["a.example", "pool.example"])


def test_there_and_back():
    frame = record_frame(records(), NAMES)
    found, names = records_from(frame)
    assert names.servers == ["pool.example"]
    expected = records()
    expected["server_name"] = [0, -1]
    assert (found == expected).all()


def test_every_field_has_a_column_and_what_is_unknown_is_null():
    frame = record_frame(records(), NAMES)
    assert tuple(frame.columns) == RECORD_COLUMNS
    halves = {name for name in RECORD.names if name.endswith(("_high", "_low"))}
    assert set(RECORD.names) - halves <= set(frame.columns)
    row = frame.row(1, named=True)
    assert (row["source_address"], row["destination_address"]) == ("2001:db8::1", "10.0.0.1")
    nulls = {name for name, value in row.items() if value is None}
    assert nulls == {
        "packet_delta_count",
        "reverse_packet_delta_count",
        "octet_delta_count",
        "reverse_octet_delta_count",
        "payload_octet_count",
        "reverse_payload_octet_count",
        "tcp_control_bits",
        "reverse_tcp_control_bits",
        "is_source_initiator",
        "server_name",
    }
    assert frame["server_name"].to_list() == ["pool.example", None]


def test_no_records_are_a_table_too():
    frame = record_frame(new_records(0), Names())
    assert frame.height == 0
    assert len(records_from(frame)[0]) == 0


def test_a_table_of_text():
    frame = record_frame(records(), NAMES).select(pl.all().cast(pl.String))
    assert (records_from(frame)[0] == records_from(record_frame(records(), NAMES))[0]).all()


def test_columns_of_meter_are_those_of_the_schema():
    written = {column.name for column in FLOW} | {"source_address", "destination_address"}
    assert set(METER_COLUMNS) <= written


def test_rows_of_meter_tell_of_both_directions():
    numbers = record_frame(records(), NAMES).select(
        name for name in METER_COLUMNS if name != "is_initiator_known"
    )
    frame = numbers.with_columns(
        pl.Series("is_initiator_known", [True, False]),
        pl.lit(7, pl.UInt64).alias("flow_id"),
        pl.lit(1).alias("payload_kinds"),
    )
    found, _ = records_from(frame)
    assert found["is_source_initiator"].tolist() == [1, -1]
    assert found["reverse_payload_octet_count"].tolist() == [12, -1]
    assert found["sampling_packet_interval"].tolist() == [1, 1]
    assert found["firewall_event"].tolist() == [0, 0]
    texts = frame.with_columns(pl.col("is_initiator_known").cast(pl.String))
    assert (records_from(texts)[0] == found).all()


def test_which_columns_are_needed():
    assert needed_columns(["is_initiator_known"]) == METER_COLUMNS
    assert needed_columns(["x"]) == RECORD_COLUMNS
    assert is_table(RECORD_COLUMNS)
    assert is_table(METER_COLUMNS)
    assert not is_table(["source_address", "flow_start_nanoseconds"])
    assert not is_table([])


def test_a_column_that_is_missing():
    frame = record_frame(records(), NAMES)
    with pytest.raises(SourceError, match="table: column vlan_id is missing; write it again"):
        records_from(frame.drop("vlan_id"))
    with pytest.raises(SourceError, match=r"a\.csv: columns .* are missing"):
        check_columns("a.csv", ["is_initiator_known"])


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("source_address", "x", "source_address is no address"),
        ("destination_address", None, "destination_address is missing"),
        ("flow_start_nanoseconds", "", "flow_start_nanoseconds is no number"),
        ("flow_start_nanoseconds", None, "flow_start_nanoseconds is missing"),
        ("flow_start_nanoseconds", "-5", "flow_start_nanoseconds is out of range"),
        ("flow_start_nanoseconds", "5", "end before start"),
        ("source_transport_port", "65536", "source_transport_port is out of range"),
        ("protocol_identifier", None, "protocol_identifier is missing"),
        ("protocol_identifier", "256", "protocol_identifier is out of range"),
        ("tcp_control_bits", "256", "tcp_control_bits is out of range"),
        ("is_source_initiator", "2", "is_source_initiator is out of range"),
        ("is_scaled", "2", "is_scaled is out of range"),
        ("sampling_packet_interval", "0", "sampling_packet_interval is out of range"),
        ("observation_point", "4294967296", "observation_point is out of range"),
        ("octet_delta_count", "-1", "octet_delta_count is out of range"),
        ("packet_delta_count", "1.5", "packet_delta_count is no number"),
    ],
)
def test_a_value_that_cannot_be(column, value, reason):
    frame = record_frame(records(), NAMES).select(pl.all().cast(pl.String))
    values = pl.Series(column, [frame[column][0], value], pl.String)
    with pytest.raises(SourceError, match=f"table: row 2: {reason}"):
        records_from(frame.with_columns(values))


def test_times_of_any_size():
    made = records()
    made["flow_end_nanoseconds"][0] = np.iinfo(np.int64).max
    assert records_from(record_frame(made, NAMES))[0]["flow_end_nanoseconds"][0] == (1 << 63) - 1
