# SPDX-License-Identifier: Apache-2.0
import pytest

from minewatch.cli.checkup.finding import Finding, Level, status_of


def test_the_worst_is_the_status():
    ok, warn, fail = (Finding("x", level, "text", "cure") for level in Level)
    assert [status_of(one) for one in ([], [ok], [ok, warn], [fail, warn], [ok, fail])] == [
        0,
        0,
        1,
        2,
        2,
    ]


def test_no_complaint_without_a_cure():
    for level in (Level.WARN, Level.FAIL):
        with pytest.raises(ValueError, match="no cure"):
            Finding("x", level, "text")
    assert Finding("x", Level.OK, "text").line() == "ok    x: text"


def test_as_data():
    assert Finding("x", Level.FAIL, "text", "cure").as_data() == {
        "subject": "x",
        "level": "fail",
        "text": "text",
        "cure": "cure",
    }
