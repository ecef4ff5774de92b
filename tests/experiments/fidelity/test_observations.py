# SPDX-License-Identifier: Apache-2.0
import polars as pl

from minewatch.experiments.fidelity.observations import MEASURES, observations


def _packets(*rows):
    """Rows of (time_s, from_miner, payload octets)."""
    return pl.DataFrame(
        {
            "source": ["s"] * len(rows),
            "capture": ["c"] * len(rows),
            "conversation": [0] * len(rows),
            "time_s": [float(row[0]) for row in rows],
            "from_miner": [row[1] for row in rows],
            "octets": [row[2] + 52 for row in rows],
            "payload_octets": [row[2] for row in rows],
        }
    )


def _values(observed, measure):
    return observed.filter(pl.col("measure") == measure)["value"].to_list()


LOGIN = (0, True, 539)
LOGIN_RESULT = (1, False, 418)


def test_gaps_leave_out_login_answers_and_signs_of_life():
    found = observations(
        _packets(
            LOGIN,
            LOGIN_RESULT,
            (10, True, 186),
            (11, False, 65),
            (20, False, 378),
            (25, True, 102),
            (40, True, 186),
            (41, False, 65),
            (50, False, 378),
        )
    )
    assert _values(found, "share gap") == [30.0]
    assert _values(found, "job gap") == [30.0]
    assert _values(found, "sent size") == [539, 186, 102, 186]


def test_a_window_in_which_nothing_happened_counts_as_zero():
    found = observations(_packets(LOGIN, LOGIN_RESULT, (1300, True, 186), (1900, True, 186)))
    assert _values(found, "sent packets") == [1, 0, 1]
    assert _values(found, "received octets") == [470, 0, 0]


def test_a_window_that_was_cut_does_not_count():
    found = observations(_packets(LOGIN, LOGIN_RESULT, (599, True, 186)))
    assert _values(found, "sent packets") == []


def test_every_measure_is_observed():
    found = observations(_packets(*((60 * n, n % 2 == 0, 200) for n in range(40))))
    assert set(found["measure"]) == set(MEASURES)
