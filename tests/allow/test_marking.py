# SPDX-License-Identifier: Apache-2.0
import ipaddress

import numpy as np
import polars as pl
import pytest

from minewatch.address import halves_of
from minewatch.allow.entries import Entry, Known
from minewatch.allow.marking import COLUMNS, with_known
from minewatch.allow.ranges import NamedRanges
from minewatch.testing import conversations

SOURCE, FAR = "10.0.0.1", "198.51.100.1"
START_NS = 1_600_000_000 * 10**9
END_NS = START_NS + 600 * 10**9


def networks(**texts):
    return NamedRanges({name: [ipaddress.ip_network(text)] for name, text in texts.items()})


def entry(expires_ns=END_NS + 1, **fields):
    return Entry("ops", "course", expires_ns, "2027-01-31", "a.toml:3", **fields)


def marked(known, mining=True, **columns):
    frame = with_known(conversations(**columns).frame, np.array([mining]), known)
    return frame.select(list(COLUMNS)).row(0, named=True)


def test_a_conversation_that_is_allowed():
    found = marked(Known([entry(host=halves_of(SOURCE))]))
    assert found["allowed_by"] == {
        "owner": "ops",
        "reason": "course",
        "expires": "2027-01-31",
        "place": "a.toml:3",
    }
    assert found["expired_allowance"] is None


def test_an_allowance_ends_by_the_time_of_the_data():
    known = Known([entry(END_NS, host=halves_of(SOURCE))])
    found = marked(known)
    assert found["allowed_by"] is None
    assert found["expired_allowance"]["owner"] == "ops"
    early = START_NS - 10**9
    assert marked(known, flow_end_nanoseconds=early, flow_start_nanoseconds=early)["allowed_by"]


def test_only_mining_can_be_allowed():
    known = Known([entry(host=halves_of(SOURCE))])
    assert marked(known, mining=False)["allowed_by"] is None


@pytest.mark.parametrize(("is_home", "is_met"), [(True, True), (None, True), (False, False)])
def test_the_near_end_is_the_watched_one(is_home, is_met):
    known = Known([entry(host=halves_of(SOURCE))])
    assert bool(marked(known, is_source_home=is_home)["allowed_by"]) == is_met


@pytest.mark.parametrize("column", ["tls_sni", "destination_name"])
def test_names_of_the_far_end(column):
    known = Known([entry(pool_name="pool.example")])
    frame = conversations().frame.with_columns(pl.lit("EU.Pool.Example.").alias(column))
    assert with_known(frame, np.array([True]), known)["allowed_by"][0] is not None
    inbound = frame.with_columns(is_source_home=pl.lit(value=False))
    assert with_known(inbound, np.array([True]), known)["allowed_by"][0] is None


def test_tags_are_of_the_near_end():
    known = Known([entry(tag="lab")], networks(lab="10.0.0.0/8", far="198.51.100.0/24"))
    found = marked(known)
    assert found["tags"] == ["lab"]
    assert found["allowed_by"] is not None
    assert marked(known, is_source_home=False)["tags"] == ["far"]


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ({"VPN": "198.51.100.1/32"}, {"end": "far", "address": FAR, "name": "VPN"}),
        ({"NAT": "10.0.0.1/32"}, {"end": "near", "address": SOURCE, "name": "NAT"}),
        (
            {"NAT": "10.0.0.1/32", "VPN": "198.51.100.1/32"},
            {"end": "far", "address": FAR, "name": "VPN"},
        ),
        ({"VPN": "192.0.2.1/32"}, None),
    ],
)
def test_transit_hosts_at_either_end(texts, expected):
    found = marked(Known(transit=networks(**texts)), mining=False)
    assert found["transit"] == expected
    assert found["tags"] == (["transit"] if expected else [])


def test_a_table_without_rows_has_the_columns():
    empty = conversations().frame.clear()
    found = with_known(empty, np.empty(0, np.bool_), Known([entry()]))
    assert {name: found.schema[name] for name in COLUMNS} == COLUMNS
