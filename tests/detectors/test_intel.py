# SPDX-License-Identifier: Apache-2.0
import ipaddress
import math

import numpy as np
import polars as pl
import pytest

from minewatch.cli.options import scan_options
from minewatch.contracts import Detector
from minewatch.detectors import indicators as lists
from minewatch.detectors import intel
from minewatch.detectors.indicators import load_indicators, load_lists
from minewatch.detectors.intel import IntelDetector
from minewatch.pipeline import PipelineOptions
from minewatch.types import Conversations

HEADER = "indicator,type,port,source,licence,confidence,note,date\n"
NOW = 1_700_000_000 * 10**9  # 2023-11-14
DATE = "2023-11-14"


@pytest.fixture
def listed(tmp_path):
    def write(*lines, header=HEADER):
        path = tmp_path / "list.csv"
        path.write_text(header + "\n".join(lines) + "\n", encoding="utf-8")
        return load_indicators(path)

    return write


def halves(address):
    parsed = ipaddress.ip_address(address)
    number = int(parsed) | (0xFFFF << 32 if parsed.version == 4 else 0)
    return number >> 64, number & (2**64 - 1)


def flow(destination="10.0.0.9", port=3333, source="10.0.0.1", **more):
    (sh, sl), (dh, dl) = halves(source), halves(destination)
    return {
        "source_address_high": sh,
        "source_address_low": sl,
        "destination_address_high": dh,
        "destination_address_low": dl,
        "source_transport_port": 40_000,
        "destination_transport_port": port,
        "flow_start_nanoseconds": NOW,
        **more,
    }


def conversations(*rows):
    frame = pl.DataFrame(list(rows), infer_schema_length=None)
    keys = [name for name in frame.columns if "address" in name]
    return Conversations(frame.with_columns(pl.col(keys).cast(pl.UInt64)))


def score(indicators, *rows):
    return IntelDetector(indicators).score(conversations(*rows)).probability.tolist()


def expected(weight):
    return pytest.approx(intel.BASE_RATE + (intel.MAX_PROBABILITY - intel.BASE_RATE) * weight)


def test_it_is_a_detector():
    assert isinstance(IntelDetector(), Detector)


@pytest.mark.parametrize(
    ("line", "row", "weight"),
    [
        (f"10.0.0.9,ip,3333,,,confirmed,,{DATE}", flow(), 1.0),
        (f"10.0.0.9,ip,3333,,,confirmed,,{DATE}", flow(port=443), 0.4),
        (f"10.0.0.9,ip,,,,confirmed,,{DATE}", flow(), 0.6),
        (f"2001:db8::9,ip,3333,,,confirmed,,{DATE}", flow("2001:db8::9"), 1.0),
        (f"10.0.0.9,ip,40000,,,confirmed,,{DATE}", flow("10.0.0.1", source="10.0.0.9"), 1.0),
        (f"10.0.0.9,ip,3333,,,0.25,,{DATE}", flow(), 0.25),
        (f"10.0.0.9,ip,3333,,,7,,{DATE}", flow(), lists.UNKNOWN_CONFIDENCE),
        (f"10.0.0.9,ip,3333,,,hearsay,,{DATE}", flow(), lists.UNKNOWN_CONFIDENCE),
        ("10.0.0.9,ip,3333,,,confirmed,,2024-11-13", flow(), 1.0),  # listed after the capture
        ("10.0.0.9,ip,3333,,,confirmed,,", flow(), lists.UNDATED),
        ("10.0.0.9,ip,3333,,,confirmed,,2022-11-14", flow(), 0.5),
        (f"Pool.Example,domain,,,,confirmed,,{DATE}", flow(tls_sni="pool.example."), 1.0),
        (f"pool.example,domain,,,,confirmed,,{DATE}", flow(tls_sni="eu.xmr.pool.example"), 0.8),
        (f"pool.example,domain,,,,confirmed,,{DATE}", flow(destination_name="POOL.example"), 1.0),
        (f"pool.example,domain,,,,confirmed,,{DATE}", flow(tls_sni="www.pool.example"), 0.2),
        (f"10.0.0.9,ip,3333,,,default list,,{DATE}", flow(), 0.25),
    ],
)
def test_matches(listed, line, row, weight):
    (probability,) = score(listed(line), row)
    assert probability == pytest.approx(expected(weight).expected, rel=5e-3)


@pytest.mark.parametrize(
    "row",
    [
        flow("10.0.0.8"),
        flow(tls_sni="example"),
        flow(tls_sni="notpool.example"),
        flow(tls_sni=""),
        flow(tls_sni="."),
        flow(tls_sni="a." * 200 + "b"),
    ],
)
def test_a_miss_says_nothing(listed, row):
    found = listed("10.0.0.7,ip,,,,confirmed,,", "pool.example,domain,,,,confirmed,,")
    assert math.isnan(score(found, row)[0])


def test_never_more_than_the_most(listed):
    lines = [f"10.0.0.9,ip,3333,,,confirmed,,{DATE}"] * 50 + ["p.example,domain,,,,1,,2099-01-01"]
    (probability,) = score(listed(*lines), flow(tls_sni="p.example"))
    assert probability == pytest.approx(intel.MAX_PROBABILITY, rel=5e-3)
    assert probability <= intel.MAX_PROBABILITY


def test_the_best_entry_counts(listed):
    found = listed("10.0.0.9,ip,,,,candidate,,", f"10.0.0.9,ip,3333,,,confirmed,,{DATE}")
    assert score(found, flow())[0] == pytest.approx(expected(1.0).expected, rel=5e-3)


def test_without_a_list_or_columns_it_is_silent(listed):
    assert math.isnan(score(None, flow())[0])
    assert math.isnan(score(listed(), flow())[0])
    found = listed("10.0.0.9,ip,,,,confirmed,,")
    bare = Conversations(pl.DataFrame({"tls_sni": ["a"]}))
    assert np.isnan(IntelDetector(found).score(bare).probability).all()
    no_time = conversations(flow()).frame.drop("flow_start_nanoseconds")
    assert IntelDetector(found).score(Conversations(no_time)).probability[0] > 0


def test_rows_do_not_touch_each_other(listed):
    found = listed("10.0.0.9,ip,,,,confirmed,,", "pool.example,domain,,,,confirmed,,")
    rows = [
        flow(tls_sni=None),
        flow("10.0.0.8", tls_sni=None),
        flow("10.0.0.8", tls_sni="pool.example"),
    ]
    together = score(found, *rows)
    assert [math.isnan(p) for p in together] == [False, True, False]
    assert score(found, *reversed(rows))[::2] == together[::-2]


def test_the_reason_warns(listed):
    found = listed("10.0.0.9,ip,3333,some-list,,pool,,")
    detector, rows = IntelDetector(found), conversations(flow("10.0.0.8"), flow())
    assert detector.explain(rows, 0) == []
    (reason,) = detector.explain(rows, 1)
    assert reason.feature == "destination_address"
    assert reason.value == "10.0.0.9"
    assert reason.contribution > 0
    assert "10.0.0.9:3333, listed by some-list as pool" in reason.text
    assert "list.csv:2" in reason.text
    assert "no date" in reason.text
    assert "content delivery networks" in reason.text


def test_the_list_cannot_write_on_the_terminal(listed):
    found = listed("10.0.0.9,ip,3333,\x1b[2J,,\x07,,2020-01-01")
    (reason,) = IntelDetector(found).explain(conversations(flow()), 0)
    assert reason.text.isprintable()
    assert "is of 2020-01-01, 1,413 days old, and counts 7%" in reason.text


def test_an_entry_that_is_younger_than_the_capture_says_so(listed):
    found = listed("10.0.0.9,ip,3333,,,confirmed,,2023-11-16")
    (reason,) = IntelDetector(found).explain(conversations(flow()), 0)
    assert "the entry is of 2023-11-16, after the conversation" in reason.text


def test_without_a_time_the_date_is_told(listed):
    found = listed(f"10.0.0.9,ip,3333,,,confirmed,,{DATE}")
    rows = Conversations(conversations(flow()).frame.drop("flow_start_nanoseconds"))
    (reason,) = IntelDetector(found).explain(rows, 0)
    assert f"the entry is of {DATE}." in reason.text


def test_an_entry_alone_never_makes_a_verdict(listed):
    """Neither the best entry there can be, nor many, by what ``scan`` uses when told nothing."""
    best = [f"10.0.0.9,ip,3333,,,confirmed,,{DATE}", f"pool.example,domain,,,,1,,{DATE}"]
    row = flow(tls_sni="pool.example", destination_name="pool.example")
    probability = np.array(score(listed(*best * 20), row))
    assert probability[0] == pytest.approx(intel.MAX_PROBABILITY, rel=5e-3)
    options = scan_options(PipelineOptions())
    silent = {d.name: np.array([np.nan]) for d in options.detectors} | {"intel": probability}
    fused = options.fusion.probability(silent, 1)
    assert options.fusion.prior < fused[0] < 0.5 <= options.threshold


def test_the_list_that_ships_counts_little_and_is_shown_as_ours():
    now = 1_795_600_000 * 10**9  # 2026-11-25
    rows = conversations(
        flow(tls_sni="xmr-eu1.nanopool.org", flow_start_nanoseconds=now),
        flow(tls_sni="www.nanopool.org", flow_start_nanoseconds=now),
        flow(tls_sni="example.org", flow_start_nanoseconds=now),
    )
    detector = IntelDetector(load_lists())
    pool, site, other = detector.score(rows).probability.tolist()
    assert pool == pytest.approx(expected(0.8 * 0.25).expected, rel=5e-3)
    assert intel.BASE_RATE < site < pool < 0.1
    assert math.isnan(other)
    (reason,) = detector.explain(rows, 0)
    assert "listed by minewatch as default list" in reason.text
    assert detector.uses == ("tls_sni", "destination_name")
    assert IntelDetector(load_lists(with_default=False)).uses == ()
