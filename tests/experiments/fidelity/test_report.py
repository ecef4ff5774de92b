# SPDX-License-Identifier: Apache-2.0
import numpy as np
import polars as pl

from minewatch.experiments.fidelity.observations import MEASURES
from minewatch.experiments.fidelity.report import Group, fidelity_report


def _group(name, seed, conversations=6, gap_s=10.0):
    rng = np.random.default_rng(seed)
    parts = []
    for number in range(conversations):
        n = int(1300 / gap_s)
        parts.append(
            pl.DataFrame(
                {
                    "source": name,
                    "capture": f"{name}{number}",
                    "conversation": number,
                    "time_s": np.sort(rng.uniform(0, 1300, n)),
                    "from_miner": rng.random(n) < 0.5,
                    "octets": np.full(n, 252),
                    "payload_octets": np.full(n, 200),
                }
            )
        )
    return Group(name, pl.concat(parts))


def _cells(report, begins):
    line = [line for line in report.splitlines() if line.startswith(f"| {begins}")][-1]
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_every_measure_has_a_distance_for_every_pair():
    a, b, slow = _group("a", 1), _group("b", 2), _group("slow", 3, gap_s=60.0)
    report = fidelity_report([(a, b), (a, slow)], [a])
    distances = report.partition("## Observations")[0]
    rows = [_cells(distances, row)[1:] for row in ("a / b", "a / slow", "within a")]
    for measure, near, far, within in zip(MEASURES, *rows, strict=True):
        if "gap" in measure:
            assert float(near) < 0.25 < float(far)
            assert within == "-" or float(within.split()[0]) < 0.6
        elif "size" in measure:
            assert (near, far) == ("0.00", "0.00")
        else:
            assert (near, far, within) == ("-", "-", "-"), "12 windows are too few"


def test_what_is_judged_need_not_be_what_is_measured():
    a, b, c = _group("a", 1), _group("b", 2), _group("c", 3)
    report = fidelity_report([(a, b)], [], [(a, c)])
    assert len(_cells(report, "a / b")) == 1 + len(MEASURES)
    assert _cells(report, "a / c")[3:5] == ["12 / 12", "6 / 6"]


def test_too_few_conversations_are_said_and_not_judged():
    a, few = _group("a", 1), _group("few", 2, conversations=2)
    assert _cells(fidelity_report([(a, few)], []), "a / few")[1:] == [
        "-",
        "-",
        "-",
        "-",
        "too few conversations of ten minutes",
    ]
