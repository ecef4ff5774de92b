# SPDX-License-Identifier: Apache-2.0
import numpy as np
import polars as pl
import pytest

from made_up_records import POOL, talk
from minewatch.records import UNKNOWN, Names
from minewatch.watching import record_names
from minewatch.watching.record_names import RecordNames


def places(names, *told):
    records = talk(len(told))[: len(told)]
    records["server_name"] = told
    return names.own(records)["server_name"].tolist()


def test_names_of_several_logs_get_places_of_their_own():
    names = RecordNames(["x"])
    names.hear(Names(["pool.example", "x"]))
    assert places(names, 0, 1, UNKNOWN, 0) == [1, 0, UNKNOWN, 1]
    names.hear(Names(["y", "pool.example"]))
    assert places(names, 1, 0) == [1, 2]
    assert names.servers == ["x", "pool.example", "y"]


def test_records_that_tell_no_name_are_left_alone():
    records = talk(2)
    assert RecordNames().own(records) is records


def test_a_place_that_is_none_is_unknown():
    names = RecordNames()
    names.hear(Names(["x"]))
    assert places(names, 0, 7) == [0, UNKNOWN]


def test_names_that_are_too_many_wait_until_others_are_forgotten(monkeypatch):
    monkeypatch.setattr(record_names, "MOST_SERVERS", 2)
    names = RecordNames()
    names.hear(Names(["a", "b", "c"]))
    assert places(names, 0, 1, 2) == [0, 1, UNKNOWN]
    assert names.is_full
    assert names.keep(np.array([1])).tolist() == [UNKNOWN, 0]
    assert places(names, 1, 2) == [0, 1]
    assert names.servers == ["b", "c"]


@pytest.mark.parametrize(("told", "column"), [([], False), (["pool.example"], True)])
def test_conversations_get_names(told, column):
    names = RecordNames(told)
    frame = pl.DataFrame({"server": pl.Series([None, 0] if told else [None], dtype=pl.Int64)})
    found = names.with_servers(frame)
    assert ("tls_sni" in found.columns) is column
    if column:
        assert found["tls_sni"].to_list() == [None, "pool.example"]


def test_responders_are_named_by_answers_that_the_log_has_by_then():
    names, told = RecordNames(), Names()
    names.hear(told)
    frame = pl.DataFrame(
        {"destination_address_high": [0, 0], "destination_address_low": [POOL, 7]},
        schema_overrides={
            "destination_address_high": pl.UInt64,
            "destination_address_low": pl.UInt64,
        },
    )
    assert names.of_responders(frame).to_list() == [None, None]
    told.answers[0, POOL] = "pool.example"
    assert names.of_responders(frame).to_list() == ["pool.example", None]
