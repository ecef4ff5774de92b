# SPDX-License-Identifier: Apache-2.0
import pytest

from minewatch.decoders.stratum.kawpow import notify_kawpow, submit_kawpow
from minewatch.decoders.stratum.sighting import Role


def job(build):
    return ["2f", build.H, build.H, build.H, True, 2_344_508, "1b00f8d2"]


def test_a_job(build):
    found = notify_kawpow(build.message({}), job(build))
    assert (found.role, found.dialect, found.algorithm) == (Role.JOB, "kawpow", "kawpow")


@pytest.mark.parametrize(
    ("index", "value"), [(0, 7), (1, "ab"), (3, None), (4, 1), (5, "2344508"), (5, True), (6, "1b")]
)
def test_another_structure_is_none(build, index, value):
    params = [value if i == index else old for i, old in enumerate(job(build))]
    assert notify_kawpow(build.message({}), params) is None
    assert notify_kawpow(build.message({}), params[:6]) is None


def test_a_share(build):
    share = ["w", "2f", "0x8a2b000012345678", build.X, build.X]
    assert submit_kawpow(build.message({}), share).role is Role.SUBMIT
    for index, value in ((0, ""), (2, "8a2b000012345678"), (3, build.H), (4, None)):
        bad = [value if i == index else old for i, old in enumerate(share)]
        assert submit_kawpow(build.message({}), bad) is None
