# SPDX-License-Identifier: Apache-2.0
import json

import numpy as np
import polars as pl

from minewatch.experiments.shipped import mistakes as module
from minewatch.experiments.shipped.mistakes import Mistakes
from minewatch.testing import conversations

FRAME = conversations(3, destination_transport_port=[1, 2, 3]).frame
WRONG = np.array([True, False, True])


def test_a_mistake_says_where_to_look():
    found = Mistakes()
    found.add(FRAME, WRONG, ["a", "b"], "x\x1b.pcap", np.array([0.123456789, 0.2, 0.9]))
    assert found.total == 2
    assert [
        (row["destination_transport_port"], row["source"], row["probability"], row["gate_reason"])
        for row in found.rows
    ] == [(1, "a", 0.123457, None), (3, "b", 0.9, None)]
    first = found.rows[0]
    assert first["capture"] == "x?.pcap"
    assert first["community_id"].startswith("1:")
    assert first["flow_start"] < first["flow_end"]
    assert first["flow_start"].endswith("Z")
    assert json.loads(json.dumps(first)) == first


def test_what_the_gate_stopped_has_no_probability():
    found = Mistakes()
    gated = FRAME.with_columns(gate_reason=pl.Series(["a", "b", "c"]))
    found.add(gated, WRONG, ["x", "y"], "a.log")
    assert [(row["probability"], row["gate_reason"]) for row in found.rows] == [
        (None, "a"),
        (None, "c"),
    ]


def test_the_list_is_bounded_and_the_number_is_not(monkeypatch):
    monkeypatch.setattr(module, "MAX_LISTED", 3)
    found = Mistakes()
    for name in ("a", "b", "c"):
        found.add(FRAME, WRONG, [name, name], "a.log", np.ones(3))
    assert found.total == 6
    assert [row["source"] for row in found.rows] == ["a", "a", "b"]
