# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace

import pytest

from minewatch.lab.drawing import draw_plan
from minewatch.lab.labels import COLUMNS, rows, write_labels
from minewatch.lab.plan import EVASIONS, Miner
from minewatch.training.labels import read_labels


def test_rules_of_a_server(small_plan):
    told = [
        " ".join(row[name] for name in ("label", "address", "port", "peer", "service") if row[name])
        for row in rows(small_plan, "server-1")
    ]
    assert told == [
        "mining 203.0.113.1 3333 10.86.1.1 mining",
        "mining 192.0.2.1 22 10.86.1.1 mining",
        "normal 10.86.1.1 80 http-browse",
        "normal 198.51.100.1 53 dns",
        "normal 192.0.2.1 22 ssh-tunnel",
        "skip icmp",
        "skip unknown",
    ]


def test_a_hidden_miner_is_known_all_the_same(small_plan):
    _, hidden, *_ = rows(small_plan, "server-1")
    assert hidden == {
        "capture": "captures/server-1.pcap",
        "source": "lab-7",
        "label": "mining",
        "address": "192.0.2.1",
        "port": "22",
        "protocol": "6",
        "peer": "10.86.1.1",
        "service": "mining",
        "coin": "XMR",
        "algorithm": "rx/0",
        "dialect": "cryptonote",
        "transport": "tls1.3",
        "pool": "hidden",
        "miner": "miner-2",
        "evasion": "ssh+tls",
        "host": "server-1",
    }


def test_a_hopping_miner_has_a_row_for_each_pool(small_plan):
    hopper = Miner("hopper", "server-1", ("plain", "hidden"), "4C", 1.0, ("hopping",))
    plan = replace(small_plan, miners=(hopper,))
    mining = [row["pool"] for row in rows(plan, "server-1") if row["label"] == "mining"]
    assert mining == ["plain", "hidden"]


def test_the_trainer_reads_them(small_plan, tmp_path):
    write_labels(small_plan, tmp_path / "labels.tsv")
    (capture,) = read_labels(tmp_path / "labels.tsv")
    assert (capture.name, capture.path) == (
        "captures/server-1.pcap",
        tmp_path / "captures" / "server-1.pcap",
    )
    assert [rule.label for rule in capture.rules] == [1, 1, 0, 0, 0, -1, -1]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_no_rule_of_a_drawn_plan_hides_another(seed, tmp_path):
    """Two mining rows about one address and port would be one row too many."""
    plan = draw_plan(12, 600.0, seed, evasions=EVASIONS)
    write_labels(plan, tmp_path / "labels.tsv")
    assert len(read_labels(tmp_path / "labels.tsv")) == 12
    for host in plan.hosts:
        if host.role == "server":
            told = [(row["address"], row["port"]) for row in rows(plan, host.name) if row["port"]]
            ways = [(row["address"], row["port"]) for row in rows(plan, host.name) if row["pool"]]
            assert len(set(ways)) == len(ways)
            # Only a tunnel's own service row may follow a miner's.
            twice = {place for place in told if told.count(place) > 1}
            kinds = {
                row["service"]
                for row in rows(plan, host.name)
                if (row["address"], row["port"]) in twice
            }
            assert kinds <= {"mining", "ssh-tunnel"}


def test_every_miner_is_labelled_once_for_each_endpoint():
    plan = draw_plan(12, 600.0, 1, evasions=EVASIONS)
    mining = [
        row["miner"]
        for host in plan.hosts
        if host.role == "server"
        for row in rows(plan, host.name)
        if row["label"] == "mining"
    ]
    assert sorted(mining) == sorted(name for m in plan.miners for name in [m.name] * len(m.pools))


def test_only_captures_that_are_there_are_named(small_plan, tmp_path):
    write_labels(small_plan, tmp_path / "labels.tsv", [])
    assert (tmp_path / "labels.tsv").read_text() == "\t".join(COLUMNS) + "\n"
