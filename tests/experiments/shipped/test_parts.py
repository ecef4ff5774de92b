# SPDX-License-Identifier: Apache-2.0
from minewatch.experiments.shipped.counting import Counts
from minewatch.experiments.shipped.inputs import PACKETS
from minewatch.experiments.shipped.measure import Cell, Measured
from minewatch.experiments.shipped.parts import at_all, kinds_of, part_of, sources_of
from minewatch.experiments.shipped.wilson import Share

MEASURED = Measured(
    (0.1, 0.5),
    {PACKETS: 0.5, "aws": 0.1},
    [
        Cell("aws", "office", True, Counts(4, 3, (3, 1))),
        Cell("aws", "office", False, Counts(100, 2, (2, 0))),
        Cell(PACKETS, "office", True, Counts(4, 2, (3, 2))),
        Cell(PACKETS, "lab", True, Counts(6, 5, (6, 5))),
        Cell(PACKETS, "lab", False, Counts(50, 1, (4, 1))),
    ],
)


def test_kinds_and_sources():
    assert kinds_of(MEASURED) == [PACKETS, "aws"]
    assert kinds_of(MEASURED, "lab") == [PACKETS]
    assert sources_of(MEASURED) == ["lab", "office"]


def test_parts_add_up_each_kind_at_its_own_threshold():
    together = part_of(MEASURED)
    assert together.found == Share(10, 14)
    assert together.false_alarms == Share(3, 150)
    assert part_of(MEASURED, PACKETS).found == Share(7, 10)
    assert part_of(MEASURED, source="office").found == Share(5, 8)
    assert part_of(MEASURED, PACKETS, "office").found == Share(2, 4)
    assert part_of(MEASURED, PACKETS, "office").false_alarms == Share(0, 0)


def test_other_thresholds_are_the_same_for_all_kinds():
    assert at_all(MEASURED, part_of(MEASURED)) == [
        (0.1, (Share(12, 14), Share(6, 150))),
        (0.5, (Share(8, 14), Share(1, 150))),
    ]
    assert part_of(MEASURED, "aws").at(0) == (Share(3, 4), Share(2, 100))
