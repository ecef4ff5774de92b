# SPDX-License-Identifier: Apache-2.0
"""What is kept of records while they are decoded."""

import numpy as np

from minewatch.readers.netflow.plans import blank_records
from minewatch.readers.netflow.work import Sampling, Work


def test_sampling_of_records_that_name_no_sampler():
    assert Sampling().default() == 1
    assert Sampling(100).default() == 100
    assert Sampling(None, {1: 50}).default() == 50
    assert Sampling(None, {1: 50, 2: 50}).default() == 50
    assert Sampling(None, {1: 50, 2: 60}).default() == 1
    assert Sampling(100, {1: 50}).default() == 100


def test_faults_of_one_reason_add_up():
    n = 3
    numbers = np.zeros(n, np.int64)
    work = Work(
        np.zeros(n, np.dtype([("4", "u1")])),
        blank_records(n),
        *(numbers, numbers, numbers[:1], Sampling(), None),
        np.zeros(3, np.uint32),
    )
    work.fault("odd", np.array([True, False, False]))
    work.fault("odd", np.array([False, False, True]))
    work.fault("even", np.zeros(n, np.bool_))
    work.repair("bent", np.array([False, True, False]))
    assert {reason: where.tolist() for reason, where in work.faults.items()} == {
        "odd": [True, False, True]
    }
    assert list(work.repairs) == ["bent"]
