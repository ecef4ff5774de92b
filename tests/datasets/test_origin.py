# SPDX-License-Identifier: Apache-2.0
import polars as pl

from minewatch.address import halves_of
from minewatch.datasets.origin import address_owners, with_hosts, with_remote, without_addresses
from minewatch.datasets.tables import ADDRESSES, conversation_schema
from minewatch.testing import conversations

A, B, POOL, POOL_6 = "10.0.0.1", "10.0.0.2", "203.0.113.9", "2001:db8::9"


def staged(*rows, source="lab"):
    """Conversations of (source, port, destination, port, label, pool, labelled end, host)."""
    n = len(rows)
    ends = {"source": 0, "destination": 2}
    halves = {
        f"{side}_address_{half}": [halves_of(row[at])[number] for row in rows]
        for side, at in ends.items()
        for number, half in enumerate(("high", "low"))
    }
    frame = conversations(
        n,
        **halves,
        source_transport_port=[row[1] for row in rows],
        destination_transport_port=[row[3] for row in rows],
        is_source_home=[row[0].startswith("10.") for row in rows],
        is_initiator_known=[row[6] is not None for row in rows],
    ).frame
    told = {"label": 4, "pool": 5, "host": 7}
    texts = [pl.Series(name, [row[at] for row in rows], pl.String) for name, at in told.items()]
    labelled = pl.Series("is_initiator_labelled", [row[6] for row in rows], pl.Boolean)
    return with_remote(frame.with_columns(*texts, labelled, pl.lit(source).alias("source")))


def test_remote_is_the_pool_or_the_endpoint_of_the_service():
    frame = staged(
        (A, 40_000, POOL, 3333, "mining", "pool-1", False, None),
        (A, 40_000, POOL, 3333, "mining", None, False, None),
        (A, 40_000, POOL_6, 3333, "mining", None, False, None),
        (POOL, 3333, A, 40_000, "mining", None, True, None),
        (A, 40_000, POOL, 443, "normal", "pool-1", False, None),
        (POOL, 443, A, 40_000, "normal", None, None, None),
        (A, 40_000, POOL, 443, "normal", None, None, None),
    )
    assert frame["remote"].to_list() == [
        "pool-1",
        f"{POOL}:3333",
        f"[{POOL_6}]:3333",
        f"{POOL}:3333",
        f"{POOL}:443",
        f"{POOL}:443",
        f"{POOL}:443",
    ]


def hosts(frame):
    table = with_hosts(frame.lazy()).collect()
    return list(zip(table["host"], table["other_host"], strict=True))


def test_named_hosts_know_each_other():
    rows = [
        (A, 1, POOL, 2, "normal", None, False, "web-1"),
        (A, 1, POOL, 3, "normal", None, False, "web-1"),
        (B, 1, A, 6379, "normal", None, False, "web-1"),
        (B, 1, A, 6379, "normal", None, False, "web-2"),
        (B, 1, POOL, 3, "normal", None, False, "web-2"),
        (POOL, 1, B, 80, "normal", None, False, "web-2"),
    ]
    frame = staged(*rows)
    assert address_owners(frame.lazy()).rows() == [("lab", A, "web-1"), ("lab", B, "web-2")]
    assert hosts(frame) == [
        ("web-1", None),
        ("web-1", None),
        ("web-1", "web-2"),
        ("web-2", "web-1"),
        ("web-2", None),
        ("web-2", None),
    ]


def test_hosts_without_names_are_addresses():
    frame = staged(
        (A, 1, POOL, 2, "normal", None, False, None),
        (POOL, 1, A, 80, "normal", None, False, None),
        (A, 1, B, 80, "normal", None, False, None),
        (B, 1, POOL, 2, "normal", None, False, None),
    )
    assert hosts(frame) == [(A, None), (A, None), (A, B), (B, None)]


def test_a_name_for_one_capture_serves_another_without():
    frame = staged(
        (A, 1, POOL, 2, "normal", None, False, "web-1"),
        (A, 1, B, 2, "normal", None, False, "web-1"),
        (A, 1, POOL, 2, "normal", None, False, None),
    )
    assert [host for host, _ in hosts(frame)] == ["web-1"] * 3


def test_another_network_has_the_same_addresses():
    rows = [(A, 1, POOL, 2, "normal", None, False, name) for name in ("web-1", "db-1", None)]
    frame = pl.concat(
        staged(row, row, source=source) for row, source in zip(rows, "abc", strict=True)
    )
    assert hosts(frame) == [("web-1", None)] * 2 + [("db-1", None)] * 2 + [(A, None)] * 2


def test_a_host_has_another_address_in_each_network():
    rows = [
        (A, 1, POOL, 2, "normal", None, False, "web-1"),
        (A, 1, B, 2, "normal", None, False, "web-1"),
        (B, 1, POOL, 2, "normal", None, False, "web-2"),
    ]
    swapped = [tuple({A: B, B: A}.get(value, value) for value in row) for row in rows]
    frame = pl.concat([staged(*rows, source="a"), staged(*swapped, source="b")])
    assert hosts(frame) == [("web-1", None), ("web-1", "web-2"), ("web-2", None)] * 2


def test_without_addresses_groups_are_numbers():
    frame = staged(
        (B, 1, A, 80, "normal", None, False, None),
        (A, 1, POOL, 80, "normal", None, False, None),
        (A, 1, POOL, 80, "mining", "secret pool", False, None),
    )
    filled = with_hosts(frame.lazy())
    others = {name: t for name, t in conversation_schema().items() if name not in frame.columns}
    filled = filled.with_columns(
        pl.lit(None, t).alias(name) for name, t in others.items() if name != "other_host"
    )
    table = without_addresses(filled).collect()
    assert table["host"].to_list() == ["host-2", "host-1", "host-1"]
    assert table["other_host"].to_list() == ["host-1", None, None]
    assert table["remote"].to_list() == ["remote-1", "remote-2", "remote-3"]
    assert not set(ADDRESSES) & set(table.columns)
    assert dict(table.schema) == conversation_schema(with_addresses=False)
