# SPDX-License-Identifier: Apache-2.0
"""A watch of flow records arrives at the alerts of a scan, in bounded memory, whoever lies."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from made_up_records import NS, START, record, talk
from minewatch.alert import Change, Severity
from minewatch.allow.entries import Entry, Known
from minewatch.metering import held_records as h
from minewatch.metering import record_ticks as ticks
from minewatch.records import DENIED
from watched import last_words
from watched_records import (
    FEW,
    between,
    by_end,
    exported,
    log_scanning,
    new_record_watch,
    of_log_scan,
    of_scan_of,
    records_in,
    simulated,
    told_of,
)

LAB = Path(__file__).parents[2] / "src" / "minewatch" / "lab"
FORMATS = {"ipfix": 8, "aws-v5": 5, "azure-vnet": 10, "zeek": 1, "gcp": 0}
"""How many alerts a scan raises: of Google Cloud none, for sampling hides miners."""
YEAR_S = 365 * 86_400


@pytest.fixture(scope="module")
def traffic(tmp_path_factory):
    return simulated(tmp_path_factory.mktemp("traffic"))


@pytest.fixture(scope="module")
def log(traffic, tmp_path_factory):
    return exported(traffic, tmp_path_factory.mktemp("log"), "ipfix", 60)


@pytest.fixture(scope="module")
def records(log):
    return records_in(log)


@pytest.fixture(scope="module")
def alerts(records):
    return told_of(records)


@pytest.mark.parametrize("format", FORMATS)
def test_watching_ends_with_the_alerts_of_a_scan(traffic, tmp_path, format):
    log = exported(traffic, tmp_path, format)
    scanned = of_log_scan(log)
    assert len(scanned) == FORMATS[format]
    assert last_words(told_of(records_in(log))) == scanned


def test_of_long_records_too(traffic, tmp_path):
    log = exported(traffic, tmp_path, "ipfix", 1800)
    scanned = of_log_scan(log)
    assert len(scanned) == 6
    assert last_words(told_of(records_in(log))) == scanned


def test_the_demonstration_gives_the_same_alerts_too(tmp_path):
    log = exported(str(LAB / "demo.pcap"), tmp_path, "ipfix")
    scanned = of_log_scan(log)
    assert len(scanned) >= 1
    assert last_words(told_of(records_in(log))) == scanned


@pytest.mark.parametrize("sizes", [(1,), (7, 1, 100)])
def test_blocks_do_not_matter(records, alerts, sizes):
    few = records[:900]
    assert told_of(few, sizes) == told_of(few)
