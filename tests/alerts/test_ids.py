# SPDX-License-Identifier: Apache-2.0
import pytest

from minewatch.alerts.ids import HOUR_NS, id_of
from watched import finding


def test_conversations_of_one_hour_have_one_id():
    start_ns = 500_000 * HOUR_NS
    ids = {id_of(finding(start_ns=start_ns + after)) for after in (0, 1, HOUR_NS - 1)}
    assert len(ids) == 1
    assert id_of(finding(start_ns=start_ns + HOUR_NS)) not in ids


@pytest.mark.parametrize("change", [{"host": "10.9.9.9"}, {"pool": "1.1.1.1"}, {"server_port": 4}])
def test_another_pair_has_another_id(change):
    assert id_of(finding(**change)) != id_of(finding())


def test_what_may_change_from_look_to_look_does_not_change_it():
    assert id_of(finding(0, 900, probability=0.1, flow_id=7, pool_port=5)) == id_of(finding())
