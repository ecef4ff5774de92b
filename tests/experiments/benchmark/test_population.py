# SPDX-License-Identifier: Apache-2.0
import polars as pl
import pytest

from minewatch.experiments.benchmark.population import host_days_of, population_of
from minewatch.experiments.benchmark.scores import FINER, HOST_DAYS, POPULATION
from minewatch.training.corpus.tables import LABELLED

_NS = 1_000_000_000


def _labelled(*spans):
    """Conversations of (host, begin [s], end [s], records)."""
    rows = [
        {
            "conversation": number, "label": "normal", "source": "s", "capture": "c", "host": host,
            "flow_start_nanoseconds": begin * _NS, "flow_end_nanoseconds": end * _NS,
            "interval_count": records, "is_first_only": False,
        }
        for number, (host, begin, end, records) in enumerate(spans)
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=LABELLED)


def test_every_conversation_is_in_it():
    found = population_of(_labelled(("a", 0, 100, 2), ("b", 0, 3600, 40)))
    assert dict(found.schema) == {**POPULATION, **FINER}
    assert found["conversations"].to_list() == [1, 1]
    assert found["duration_s"].to_list() == [100, 3600]
    assert found["hours"].to_list() == pytest.approx([100 / 3600, 1])


def test_years_of_silence_are_no_hours():
    found = population_of(_labelled(("a", 0, 10**8, 3)))
    assert found["hours"].to_list() == [0.5]
    assert found["duration_s"].to_list() == [10**8]


def test_what_overlaps_counts_once():
    table = _labelled(
        ("a", 0, 1000, 20), ("a", 500, 600, 2), ("a", 900, 1900, 20), ("b", 5000, 5864, 9)
    )
    found = host_days_of(table)
    assert dict(found.schema) == HOST_DAYS
    assert found["host"].to_list() == ["a", "b"]
    assert found["days"].to_list() == pytest.approx([1900 / 86_400, 0.01])
