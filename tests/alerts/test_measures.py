# SPDX-License-Identifier: Apache-2.0
from minewatch.alerts.measures import Measure


def test_a_measure_is_a_counter_without_labels_unless_it_says_otherwise():
    measure = Measure("records", 3, "Records read.")
    assert (measure.is_counter, dict(measure.labels)) == (True, {})
    assert not Measure("memory", 3, "Octets.", is_counter=False).is_counter
