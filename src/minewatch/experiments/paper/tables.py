# SPDX-License-Identifier: Apache-2.0
"""The tables of the report: the paper's numbers and ours in one row."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from minewatch.experiments.paper import mechanisms as m
from minewatch.experiments.paper import paper_numbers as paper
from minewatch.experiments.paper.document import Table
from minewatch.experiments.paper.flows import STATISTICS
from minewatch.experiments.paper.metrics import Interval
from minewatch.experiments.paper.protocol import Measured, Result
from minewatch.experiments.paper.samples import Samples

NONE = "-"


def percent(interval: Interval | None, digits: int = 2) -> str:
    """Return an estimate in percent, with its bounds if it has any.

    Examples
    --------
    >>> percent(Interval(0.98933, 0.97, 0.995))
    '98.93 (97.00 to 99.50)'
    >>> percent(Interval(0.5))
    '50.00'
    """
    if interval is None or math.isnan(interval.value):
        return NONE
    text = f"{100 * interval.value:.{digits}f}"
    if math.isnan(interval.low):
        return text
    return f"{text} ({100 * interval.low:.{digits}f} to {100 * interval.high:.{digits}f})"


def composition(samples: Samples) -> Table:
    """Return what the two data sets consist of.

    Parameters
    ----------
    samples : ours.
    """
    n_mining = int(samples.is_mining.sum())
    coins = sorted(set(samples.mining().table["coin"].to_list()))
    every = samples.conversations
    total = every["mining"] + every["normal"]
    return Table(
        ("", "paper", "ours, in the captures", "ours, rows of the tables"),
        (
            ("conversations", paper.CONVERSATIONS, f"{total:,}", f"{len(samples):,}"),
            ("mining", paper.MINING, f"{every['mining']:,}", f"{n_mining:,}"),
            ("normal", paper.NORMAL, f"{every['normal']:,}", f"{len(samples) - n_mining:,}"),
            ("servers", str(paper.SERVERS), "", str(samples.table["host"].n_unique())),
            ("coins", ", ".join(paper.COINS), "", ", ".join(coins)),
            ("pools", "not told", "", str(samples.mining().table["pool"].n_unique())),
        ),
    )


def losses(samples: Samples) -> Table:
    """Return what the steps of Figure 1 did.

    Parameters
    ----------
    samples : ours.
    """
    counts = samples.counts
    rows = (
        ("packets read", counts.packets),
        ("of them not decoded (ARP and the like)", counts.undecoded_packets),
        ("one-way flows", counts.flows),
        ("dropped: neither from nor to a server", counts.neither_flows),
        ("dropped: fewer than two packets", counts.single_packet_flows),
        ("dropped: all packets at one time, so without rates", counts.zero_time_flows),
        ("dropped: without a flow of the inverse 5-tuple left", counts.unpaired_flows),
        ("pairs", counts.pairs),
        ("of them between two servers", counts.between_servers),
        ("of them normal ones left out at random, to meet the composition", samples.n_thinned),
        ("of them not labelled", counts.pairs - samples.n_thinned - len(samples)),
    )
    return Table(("step", "number"), [(name, f"{count:,}") for name, count in rows])


def table_1(results: Sequence[Result]) -> Table:
    """Return Table I, the test and the honest split.

    Parameters
    ----------
    results : of the first experiment.
    """
    heads = (
        "model",
        "plot",
        "paper, cross-validation",
        "ours, cross-validation",
        "ours, test",
        "ours, honest split",
        "ours, as few rows at random",
        "F1 of mining alone: cross-validation, test, honest, as few",
    )
    rows = [
        (
            r.model,
            r.statistic,
            paper.TABLE_1[(r.model, r.statistic)],
            percent(r.cross_validation.macro),
            percent(r.test.macro),
            percent(r.honest.macro if r.honest else None),
            percent(r.as_few.macro if r.as_few else None),
            ", ".join(_mining(part) for part in (r.cross_validation, r.test, r.honest, r.as_few)),
        )
        for r in results
    ]
    return Table(heads, rows)


def _mining(part: Measured | None) -> str:
    return f"{100 * part.by_class['mining'].value:.1f}" if part else NONE


def areas(results: Sequence[Result]) -> Table:
    """Return the AUC of the test and of the honest split, of scores and of labels.

    Parameters
    ----------
    results : of the first experiment.
    """
    heads = (
        "plot",
        "model",
        "paper, test: AUC, F1",
        "ours, test: AUC of scores",
        "AUC of labels",
        "found, missed, false alarms",
        "ours, honest: AUC of scores",
        "AUC of labels",
        "found, missed, false alarms",
    )
    rows = []
    for r in sorted(results, key=lambda r: STATISTICS.index(r.statistic)):
        f1 = paper.TEST_F1.get(r.statistic, "not told")
        rows.append(
            (
                r.statistic,
                r.model,
                f"{paper.TEST_AUC[r.statistic]}, {f1}",
                percent(r.test.auc),
                percent(r.test.auc_of_labels),
                _errors(r.test),
                percent(r.honest.auc if r.honest else None),
                percent(r.honest.auc_of_labels if r.honest else None),
                _errors(r.honest),
            )
        )
    return Table(heads, rows)


def _errors(part: Measured | None) -> str:
    if part is None:
        return NONE
    (_, alarms), (missed, found) = part.matrix
    return f"{found:,}, {missed:,}, {alarms:,}"


def logarithms(plain: Sequence[Result], on_logs: Sequence[Result]) -> Table:
    """Return the SVM on the statistics and on their logarithms.

    Parameters
    ----------
    plain : results of the first experiment.
    on_logs : the SVM's, on logarithms.
    """
    rows = []
    for statistic in STATISTICS:
        own, other = (
            next(r for r in results if r.model == "SVM" and r.statistic == statistic)
            for results in (plain, on_logs)
        )
        rows.append(
            (
                statistic,
                paper.TABLE_1[("SVM", statistic)],
                percent(own.cross_validation.macro),
                percent(other.cross_validation.macro),
                percent(other.test.macro),
                percent(other.honest.macro if other.honest else None),
            )
        )
    return Table(
        (
            "plot",
            "paper, SVM",
            "ours, as it is",
            "ours, on logarithms: cross-validation",
            "test",
            "honest split",
        ),
        rows,
    )


def coins(results: Sequence[Result]) -> Table:
    """Return the coin experiment.

    Parameters
    ----------
    results : of the second experiment.
    """
    heads = (
        "plot",
        "model",
        "ours, cross-validation",
        "ours, test",
        "ours, honest split",
        "ours, as few rows at random",
    )
    rows = []
    for statistic in STATISTICS:
        own = [r for r in results if r.statistic == statistic]
        rows += [
            (
                statistic,
                r.model,
                percent(r.cross_validation.macro),
                percent(r.test.macro),
                percent(r.honest.macro if r.honest else None),
                percent(r.as_few.macro if r.as_few else None),
            )
            for r in own
        ]
    return Table(heads, rows)


def coin_means(results: Sequence[Result]) -> Table:
    """Return the coin experiment's means over models, the paper's beside ours.

    Parameters
    ----------
    results : of the second experiment.
    """
    rows = []
    for statistic in STATISTICS:
        own = [r for r in results if r.statistic == statistic]
        honest = [r.honest.macro.value for r in own if r.honest]
        as_few = [r.as_few.macro.value for r in own if r.as_few]
        rows.append(
            (
                statistic,
                paper.COIN_VALIDATION[statistic],
                _mean([r.cross_validation.macro.value for r in own]),
                paper.COIN_TEST[statistic],
                _mean([r.test.macro.value for r in own]),
                _mean(honest),
                _mean(as_few),
            )
        )
    return Table(
        (
            "plot, mean of four models",
            "paper, cross-validation",
            "ours",
            "paper, test",
            "ours",
            "ours, honest split",
            "ours, as few rows at random",
        ),
        rows,
    )


def _mean(values: Sequence[float]) -> str:
    return f"{100 * sum(values) / len(values):.2f}" if values else NONE


def mechanisms(
    found: Sequence[m.Outcome], repeated: Sequence[Sequence[m.Outcome]], names: Sequence[str]
) -> Table:
    """Return what each mechanism does to the test of the first experiment.

    Parameters
    ----------
    found : outcomes on the main split.
    repeated : outcomes of quick models on further splits.
    names : mechanisms to show.
    """
    rows = []
    for name in names:
        shown = [m.shows_pattern(split, name, m.REPEATED, 1) for split in repeated]
        rows.append(
            (
                name,
                *(_spread(found, name, statistic) for statistic in STATISTICS),
                "yes" if m.shows_pattern(found, name, ("RFT",)) else "no",
                f"{sum(shown)} of {len(shown)}" if _is_in(repeated, name) else NONE,
            )
        )
    heads = (
        "what was done to the test part",
        *(f"{statistic}: AUC of labels (macro-F1)" for statistic in STATISTICS),
        "RFT shows the paper's pattern, with 50.00",
        "further splits where DT and KNN both do, with 50.0",
    )
    return Table(heads, rows)


def _is_in(repeated: Sequence[Sequence[m.Outcome]], name: str) -> bool:
    return any(outcome.mechanism == name for split in repeated for outcome in split)


def _spread(found: Sequence[m.Outcome], name: str, statistic: str) -> str:
    """One cell: DT, RFT and KNN in this order."""
    own = {o.model: o for o in found if o.mechanism == name and o.statistic == statistic}
    return "; ".join(
        f"{100 * (own[model].auc_of_labels or 0):.2f} ({100 * own[model].macro:.2f})"
        for model in m.LEARNERS
    )


def coin_mechanisms(found: Sequence[m.Outcome]) -> Table:
    """Return what each mechanism does to the test of the coin experiment.

    Parameters
    ----------
    found : outcomes of the second experiment.
    """
    rows: list[tuple[str, ...]] = [
        ("paper", *(paper.COIN_TEST[statistic] for statistic in STATISTICS), NONE)
    ]
    for name in dict.fromkeys(outcome.mechanism for outcome in found):
        cells: Mapping[str, list[float]] = {
            statistic: [o.macro for o in found if o.mechanism == name and o.statistic == statistic]
            for statistic in STATISTICS
        }
        shown = "yes" if m.shows_coin_pattern(found, name) else "no"
        rows.append((name, *(_mean(cells[s]) for s in STATISTICS), shown))
    return Table(("what was done to the test part", *STATISTICS, "as in the paper"), rows)
