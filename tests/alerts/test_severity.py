# SPDX-License-Identifier: Apache-2.0
import pytest

from minewatch.alert import Severity
from minewatch.alerts.severity import LASTING_NS, severity_of

LONG, SHORT = LASTING_NS, LASTING_NS - 1


@pytest.mark.parametrize(
    ("kinds", "duration", "proof", "wanted"),
    [
        (["payload", "shape"], SHORT, True, Severity.HIGH),
        (["payload"], LONG, True, Severity.HIGH),
        (["payload"], SHORT, True, Severity.MEDIUM),
        (["payload"], SHORT, False, Severity.LOW),
        (["payload"], LONG, False, Severity.MEDIUM),
        (["shape"], SHORT, False, Severity.LOW),
        (["shape"], LONG, False, Severity.MEDIUM),
        (["shape"], 1000 * LONG, False, Severity.MEDIUM),
        (["shape", "list"], SHORT, False, Severity.MEDIUM),
        (["shape", "list"], LONG, False, Severity.HIGH),
        (["shape", "list", "together"], SHORT, False, Severity.HIGH),
        (["shape", "shape", "shape"], LONG, False, Severity.MEDIUM),
        ([], LONG, False, Severity.LOW),
    ],
)
def test_kinds_that_agree_and_time_make_it(kinds, duration, proof, wanted):
    assert severity_of(kinds, duration, has_proof=proof) is wanted


def test_what_is_allowed_or_withdrawn_is_low():
    proof = {"kinds": ["payload", "shape"], "duration_ns": LONG, "has_proof": True}
    assert severity_of(**proof, is_allowed=True) is Severity.LOW
    assert severity_of(**proof, is_standing=False) is Severity.LOW
    assert severity_of(**proof) is Severity.HIGH


def test_more_evidence_or_time_never_lowers_it():
    ranks = list(Severity)
    kinds = ["shape", "list", "payload", "together"]
    for n in range(len(kinds)):
        for proof in (False, True):
            for duration in (0, LONG):
                here = severity_of(kinds[:n], duration, has_proof=proof)
                more = severity_of(kinds[: n + 1], max(duration, LONG), has_proof=proof)
                assert ranks.index(more) >= ranks.index(here)
