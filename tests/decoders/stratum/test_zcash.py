# SPDX-License-Identifier: Apache-2.0
import pytest

from minewatch.decoders.stratum.sighting import Role
from minewatch.decoders.stratum.zcash import notify, submit


def job(build):
    return ["39f2", "04000000", build.H, build.H, "00" * 32, "16ee7c58", "83837b1c", True]


def test_a_job(build):
    message = build.message({})
    found = notify(message, job(build))
    assert (found.role, found.dialect, found.algorithm) == (Role.JOB, "zcash", "equihash")
    assert notify(message, [*job(build), "144_5", "ZcashPoW"]).role is Role.JOB


@pytest.mark.parametrize(
    ("index", "value"), [(0, ""), (1, 4), (2, "ab"), (4, None), (5, "16"), (6, 7), (7, "true")]
)
def test_another_structure_is_none(build, index, value):
    params = [value if i == index else old for i, old in enumerate(job(build))]
    assert notify(build.message({}), params) is None
    assert notify(build.message({}), params[:7]) is None


def test_a_share(build):
    share = ["w", "39f2", "16ee7c58", "4304" + "00" * 14, "fd4005" + "5a" * 1344]
    assert submit(build.message({}), share).dialect == "zcash"
    assert submit(build.message({}), [*share[:4], "64" + "5a" * 100]).dialect == "zcash"
    for index, value in ((0, ""), (1, 7), (2, "1"), (3, "x"), (4, "5a" * 8), (4, 7)):
        bad = [value if i == index else old for i, old in enumerate(share)]
        assert submit(build.message({}), bad) is None


def test_a_cut_share(build):
    share = ["w", "39f2", "16ee7c58", "4304", "5a" * 100 + "5"]
    assert submit(build.message({}, is_cut=True), share).role is Role.SUBMIT
    assert submit(build.message({}), share) is None
