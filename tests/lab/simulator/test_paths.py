# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from minewatch.lab.simulator.paths import Realm, draw_paths


@pytest.mark.parametrize(
    ("realm", "least", "most"), [("internet", 0.002, 0.4), ("cloud", 1e-4, 0.02)]
)
def test_paths_stay_within_their_laws(realm: Realm, least: float, most: float):
    paths = draw_paths(np.random.default_rng(1), np.arange(500.0), realm, is_initiator_home=True)
    assert len(paths) == 500
    assert ((least <= paths.rtt_s) & (paths.rtt_s <= most)).all()
    assert len(np.unique(paths.rtt_s)) > 450
    assert (paths.jitter_s <= 0.3 * paths.rtt_s + 1e-12).all()
    assert ((paths.mss >= 1360) & (paths.mss <= 1460)).all()
    assert paths.is_initiator_home.all()
    assert paths.take(np.array([3, 4])).start_s.tolist() == [3.0, 4.0]


def test_only_the_internet_has_hosts_without_timestamps():
    rng = np.random.default_rng(2)
    assert draw_paths(rng, np.zeros(200), "cloud", is_initiator_home=False).has_timestamps.all()
    far = draw_paths(rng, np.zeros(200), "internet", is_initiator_home=False)
    assert 0 < far.has_timestamps.sum() < 200
