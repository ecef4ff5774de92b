# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minewatch.lab.simulator.frames import Records
from minewatch.lab.simulator.spool import Spool


def batch(rows):
    """Records of (time, octets): each holds its time, then its place in the batch."""
    rows = sorted(rows, key=lambda row: row[0])
    data = [f"{time}.{i}.".ljust(octets, "x").encode() for i, (time, octets) in enumerate(rows)]
    return Records(
        np.array([time for time, _ in rows], np.int64),
        np.array([len(some) for some in data], np.int64),
        np.frombuffer(b"".join(data), np.uint8),
    )


def split(records):
    at = np.cumsum(records.octets) - records.octets
    return [
        records.data[a : a + n].tobytes()
        for a, n in zip(at.tolist(), records.octets.tolist(), strict=True)
    ]


ROWS = st.lists(st.tuples(st.integers(0, 5000), st.integers(8, 30)), max_size=30)


@given(st.lists(ROWS, max_size=5), st.sampled_from([1, 300, 10**6]), st.sampled_from([50, 10**6]))
@settings(deadline=None, max_examples=60)
def test_all_come_back_in_order(tmp_path_factory, batches, slice_ns, slice_octets):
    folder = tmp_path_factory.mktemp("spool")
    spool = Spool(folder, slice_ns, slice_octets)
    wanted = []
    for rows in batches:
        some = batch(rows)
        wanted += zip(some.time_ns.tolist(), split(some), strict=True)
        spool.add(some)
    wanted.sort(key=lambda row: row[0])  # stable: one time, in the order of coming
    found = [
        row
        for some in spool.drain()
        for row in zip(some.time_ns.tolist(), split(some), strict=True)
    ]
    assert found == wanted
    assert list(folder.iterdir()) == []


def test_a_slice_that_is_too_big_is_cut_until_it_fits(tmp_path):
    spool = Spool(tmp_path, 10**9, 2000)
    for _ in range(20):
        spool.add(batch([(i * 1000, 20) for i in range(100)]))
    sizes = [len(some.data) for some in spool.drain()]
    assert sum(sizes) == 20 * 100 * 20
    assert max(sizes) <= 2000


def test_an_error_of_the_disk_is_passed_on(tmp_path):
    spool = Spool(tmp_path / "gone", 10)
    with pytest.raises(FileNotFoundError):
        spool.add(batch([(1, 20)]))
