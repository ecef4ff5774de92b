# SPDX-License-Identifier: Apache-2.0
"""The report's part on kinds of flow logs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from minewatch.experiments.benchmark.by_moment import LONG_S, ByMoment, Cost, Recall
from minewatch.experiments.benchmark.tables import NONE, told
from minewatch.experiments.paper.document import Block, Heading, Paragraph, Table
from minewatch.training.corpus.log_views import LOG_SETTINGS
from minewatch.training.corpus.tables import WHOLE

TITLES: Final = {setting.name: setting.title for setting in LOG_SETTINGS}


def format_blocks(formats: Mapping[str, ByMoment], heading: str) -> list[Block]:
    """Return the section; nothing if no log was measured.

    Parameters
    ----------
    formats : what was found, by name of the log.
    heading : of the section.
    """
    if not formats:
        return []
    most = max(of.normal_scored for of in formats.values())
    of = next(iter(formats.values()))
    label = of.thresholds[Cost.LABEL.value]
    return [
        Heading(2, heading),
        Paragraph(
            "The packets of each conversation, written as a cloud or an exporter would have logged "
            "them (windows, directions, sampling, times cut and late), and read again as records "
            f"are. Fused, at no and at one false alarm among {of.normal:,} normal conversations "
            f"({most:,} of them with packets enough to be scored), each with its highest score of "
            "all moments; and as scan labels mining in flow logs without an option, from "
            f"{label:.4g} on. A conversation counts at a moment if it lasts longer."
        ),
        format_table(formats),
    ]


def format_table(formats: Mapping[str, ByMoment]) -> Table:
    """Return recall by log and moment.

    Parameters
    ----------
    formats : what was found, by name of the log.
    """
    heads = (
        *("log", "seen for", "mining", "recall at no false alarm", "at one"),
        *("labelled mining", "false alarms then"),
    )
    rows = []
    for name, of in formats.items():
        for (seen_s, lasting_s), recalls in _grouped(of):
            rows.append(
                (
                    TITLES.get(name, name),
                    _seen(seen_s, lasting_s),
                    f"{recalls[Cost.LABEL].mining:,}",
                    *(_found(recalls.get(cost)) for cost in Cost),
                    f"{of.false_alarms[Cost.LABEL.value]:,}",
                )
            )
    return Table(heads, rows)


def _grouped(of: ByMoment) -> Iterator[tuple[tuple[int, int], dict[Cost, Recall]]]:
    found: dict[tuple[int, int], dict[Cost, Recall]] = {}
    for one in of.recalls:
        found.setdefault((one.seen_s, one.lasting_s), {})[one.cost] = one
    yield from found.items()


def _seen(seen_s: int, lasting_s: int) -> str:
    text = "its end" if seen_s == WHOLE else f"{seen_s / 60:g} min"
    if lasting_s in {seen_s, WHOLE}:
        return text
    return f"{text}, of those over {LONG_S // 60} min"


def _found(one: Recall | None) -> str:
    if one is None or not one.mining:
        return NONE
    return f"{told(one.recall, 2)}, {one.found:,}"
