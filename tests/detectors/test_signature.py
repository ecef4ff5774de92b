# SPDX-License-Identifier: Apache-2.0
import math

import numpy as np
import polars as pl
import pytest

from minewatch.contracts import Detector
from minewatch.detectors import signature
from minewatch.detectors.signature import SignatureDetector
from minewatch.types import Conversations

DETECTOR = SignatureDetector()
SCHEMA = {
    "stratum_dialect": pl.String(),
    "stratum_state": pl.String(),
    "stratum_algorithm": pl.String(),
    "stratum_coin_hint": pl.String(),
    "stratum_agent": pl.String(),
    "stratum_login": pl.String(),
    "stratum_requests": pl.Int64(),
    "stratum_jobs": pl.Int64(),
    "stratum_submits": pl.Int64(),
    "stratum_results_ok": pl.Int64(),
    "stratum_results_error": pl.Int64(),
    "stratum_is_miner_initiator": pl.Boolean(),
    "payload_kinds": pl.UInt8(),
}
COUNTS = dict.fromkeys(
    [name for name in SCHEMA if name.endswith(("requests", "jobs", "submits", "_ok", "_error"))], 0
)


def row(state, dialect="cryptonote", **values):
    named = {name if name in SCHEMA else f"stratum_{name}": v for name, v in values.items()}
    return {"stratum_state": state, "stratum_dialect": dialect, **COUNTS, **named}


def conversations(*rows):
    return Conversations(pl.DataFrame(list(rows), schema=SCHEMA))


def score(*rows):
    return DETECTOR.score(conversations(*rows)).probability.tolist()


def test_it_is_a_detector():
    assert isinstance(DETECTOR, Detector)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (row("session", results_ok=1, jobs=3), signature.ACCEPTED),
        (row("session", jobs=1), signature.JOB_TAKEN),
        (row("session", results_error=2), signature.ANSWERED),
        (row("jobs-only", jobs=2), signature.JOBS_PUSHED),
        (row("jobs-only", jobs=1), signature.JOB_PUSHED),
        (row("attempt", submits=1), signature.SHARES_SENT),
        (row("attempt", requests=1), signature.ATTEMPT),
        (row("poll", "getwork", jobs=1), signature.WORK_POLLED),
        (row("poll", "getblocktemplate", jobs=9), signature.TEMPLATE_POLLED),
        (row("poll", "eth-getwork", jobs=9), signature.TEMPLATE_POLLED),
        (row("poll", "getblocktemplate"), signature.POLL_UNANSWERED),
        (row("session", "stratum-v2", jobs=2, results_ok=1), signature.SIZES_FIT),
        (row("attempt", "stratum-v2"), signature.HANDSHAKE_FITS),
    ],
)
def test_each_state_has_its_probability(values, expected):
    assert score(values) == [expected]


def test_a_template_poll_stays_below_the_threshold():
    assert signature.TEMPLATE_POLLED < 0.5 < signature.ATTEMPT


@pytest.mark.parametrize(
    ("kinds", "is_ready"),
    [
        (0, False),
        (None, False),
        (1, True),
        (2, False),
        (34, True),
        (4, False),
        (1 | 4, False),
        (1 | 16, False),
        (1 | 64, False),
        (8, False),
        (18, False),
    ],
)
def test_only_what_was_read_in_the_clear_speaks_against(kinds, is_ready):
    (probability,) = score({"payload_kinds": kinds})
    assert probability == signature.READ_NOT_MINING if is_ready else math.isnan(probability)


def test_missing_columns_make_it_silent():
    found = DETECTOR.score(Conversations(pl.DataFrame({"flow_id": [1, 2]})))
    assert np.isnan(found.probability).tolist() == [True, True]
    assert DETECTOR.explain(Conversations(pl.DataFrame({"flow_id": [1]})), 0) == []
    without_kinds = conversations(row("attempt"), {}).frame.drop("payload_kinds")
    assert np.isnan(DETECTOR.score(Conversations(without_kinds)).probability).tolist() == [
        False,
        True,
    ]


def test_no_rows():
    assert DETECTOR.score(conversations()).probability.shape == (0,)


def test_rows_do_not_touch_each_other():
    rows = [row("session", jobs=1), {"payload_kinds": 1}, row("poll", "getwork", jobs=1), {}]
    together = score(*rows)
    assert [score(one)[0] for one in rows][:3] == together[:3]
    assert score(*reversed(rows))[1:] == together[2::-1]


def explain(*rows, of=0):
    return DETECTOR.explain(conversations(*rows), of)


def test_a_session_is_told_in_one_sentence():
    told = row(
        "session",
        login="4AAAAAAA…wxyz",
        agent="XMRig/6.26.0",
        algorithm="rx/0",
        jobs=12,
        submits=4,
        results_ok=3,
        results_error=1,
    )
    (reason,) = explain({}, told, of=1)
    assert reason.text == (
        "Login as 4AAAAAAA…wxyz by XMRig/6.26.0, answered with a job (rx/0); 12 jobs pushed, "
        "3 shares accepted, 1 refused (CryptoNote Stratum)."
    )
    assert (reason.feature, reason.value, reason.unit) == ("stratum_state", "session", "text")
    assert reason.contribution == pytest.approx(13.12, abs=0.01)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (row("session", "bitcoin"), "A miner, answered as only a pool does; 0 jobs pushed"),
        (row("session", "bitcoin", jobs=1, submits=1), "with a job; 1 job pushed, 1 share sent"),
        (row("jobs-only", jobs=4), "A pool pushed jobs; the miner's side was not captured; 4 jobs"),
        (row("attempt", agent="cgminer/4.10"), "A miner by cgminer/4.10; no pool's answer"),
        (row("poll", "getblocktemplate", requests=5, jobs=4), "5 times and given 4 times: a solo"),
        (row("session", "stratum-v2", jobs=2, submits=1), "handshake, 2 jobs and 1 share (Str"),
        (row("attempt", "stratum-v2"), "fit the handshake (Stratum V2"),
        (row("else", "novel"), "A miner; 0 jobs pushed, 0 shares sent (novel)"),
        ({"payload_kinds": 1}, "speaks no dialect of mining"),
    ],
)  # fmt: skip
def test_each_state_is_told(values, words):
    reasons = explain(values)
    if values.get("stratum_state") == "else":
        assert reasons == []
    else:
        assert words in reasons[0].text


def test_speaking_against_is_negative():
    assert explain({"payload_kinds": 1})[0].contribution < 0
    assert explain({}) == []


def test_notes_follow_the_reason():
    told = row("session", jobs=1, coin_hint="DOGE", is_miner_initiator=False)
    reason, coin, late = explain(told)
    assert reason.contribution > 0
    assert (coin.value, coin.contribution) == ("DOGE", 0)
    assert "another" in coin.text
    assert "began after" in late.text


def test_nothing_reaches_the_terminal_unchanged():
    told = row("session", "\x1b[31m", login="\x1b[2J", agent="\x07", algorithm="\r", jobs=1)
    assert all(reason.text.isprintable() for reason in explain(told))
