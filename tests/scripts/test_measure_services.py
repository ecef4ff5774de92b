# SPDX-License-Identifier: Apache-2.0
import json

import numpy as np
import polars as pl

import measure_services
from minewatch.doubt.services import FORMAT, OF_MESSAGES, services_of, table_of
from minewatch.training.view_table import ViewTable

GAP = measure_services.NAMES.index("asked_gap_median")


def table(**services):
    """Rows of services, each with one feature: its values by service."""
    rows = [(key, i) for key, values in services.items() for i in range(len(values))]
    values = np.full((len(rows), len(measure_services.NAMES)), np.nan, np.float32)
    values[:, GAP] = [value for given in services.values() for value in given]
    frame = pl.DataFrame(
        {
            "service": [key.replace("_", "-") for key, _ in rows],
            "source": ["simulator-7"] * len(rows),
            "conversation": list(range(len(rows))),
        }
    )
    return ViewTable({"rhythm": values}, frame)


def test_a_range_is_of_all_conversations_of_a_service_from_either_side():
    measured = measure_services.measured(table(mqtt=range(1, 51), mqtt_out=range(51, 101)))
    (service,) = services_of(table_of(measure_services.as_text(measured)))
    assert (service.key, service.conversations) == ("mqtt", 100)
    usual = service.features["asked_gap_median"]
    assert (usual.low, usual.median, usual.high) == (5.95, 50.5, 95.05)
    assert set(service.features) == {"asked_gap_median"}


def test_services_of_the_same_kind_are_one_and_few_values_make_no_range():
    given = table(http_browse=[1.0] * 5, https_browse=[3.0] * 5, nats=[1.0] * 4, unknown=[1.0] * 9)
    measured = measure_services.measured(given)
    assert [one["key"] for one in measured["services"]] == ["web"]
    assert measured["made_by"].endswith("over simulator-7")
    assert measured["format"] == FORMAT


def test_a_service_stands_on_a_line_of_its_own():
    text = measure_services.as_text(
        measure_services.measured(table(mqtt=[1.0] * 5, nats=[2.0] * 5))
    )
    assert [line[:16] for line in text.splitlines()[1:3]] == [
        '{"key": "mqtt", ',
        '{"key": "nats", ',
    ]
    assert json.loads(text)["format"] == FORMAT


def test_the_check_counts_who_is_recognised(capsys):
    rng = np.random.default_rng(7)

    def run(mqtt, mining):
        values = np.full((40, len(measure_services.NAMES)), np.nan, np.float32)
        for name in OF_MESSAGES:
            at = measure_services.NAMES.index(name)
            values[:20, at], values[20:, at] = (
                rng.normal(mqtt, 0.01, 20),
                rng.normal(mining, 0.01, 20),
            )
        frame = pl.DataFrame(
            {
                "service": ["mqtt"] * 20 + ["mining"] * 20,
                "source": ["simulator-7"] * 40,
                "conversation": list(range(40)),
            }
        )
        return ViewTable({"rhythm": values}, frame)

    measure_services.check([run(0.2, 0.8), run(0.2, 0.8)])
    told = capsys.readouterr().out
    assert "14 features: 40 of 40 normal ones are recognised;" in told
    assert "a miner is the nearest to 0 of these\n  and to 40 of 40 mining ones" in told
