# SPDX-License-Identifier: Apache-2.0
"""Records begin as unknown, and every row is accounted for."""

import numpy as np
import pytest

from minewatch.errors import SourceError
from minewatch.records import MAX_EXAMPLES, RECORD, UNKNOWN, RecordCounters, new_records
from minewatch.schema import FLOW


def test_a_new_record_says_nothing():
    record = new_records(3)[1]
    for name in RECORD.names:
        value = int(record[name])
        if name == "sampling_packet_interval":
            assert value == 1
        elif np.issubdtype(RECORD[name], np.signedinteger) and "nanoseconds" not in name:
            assert value == UNKNOWN, name
        else:
            assert value == 0, name


def test_fields_are_named_as_the_columns_of_flow_tables():
    of_logs_alone = {
        "firewall_event",
        "is_scaled",
        "is_source_initiator",
        "observation_point",
        "sampling_packet_interval",
        "server_name",
    }
    assert set(RECORD.names) - {column.name for column in FLOW} == of_logs_alone


def test_faults_and_repairs_are_counted_and_the_first_are_told():
    counters = RecordCounters(rows_seen=31, rows_parsed=1)
    for line in range(30):
        counters.fault("no number", f"a.log:{line}", "mend it", strict=False)
    counters.repair("milliseconds", "a.log:31", "divided by 1000", strict=False)
    assert counters.faulty == {"no number": 30}
    assert counters.repaired == {"milliseconds": 1}
    assert counters.rows_accounted == counters.rows_seen
    assert len(counters.examples) == MAX_EXAMPLES
    assert counters.examples[0] == "a.log:0: no number; mend it"


@pytest.mark.parametrize("method", ["fault", "repair"])
def test_strict_stops_at_the_first(method):
    counters = RecordCounters()
    with pytest.raises(SourceError, match=r"^a.log:7: no number; mend it$"):
        getattr(counters, method)("no number", "a.log:7", "mend it", strict=True)
