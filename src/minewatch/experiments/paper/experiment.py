# SPDX-License-Identifier: Apache-2.0
"""Everything that is computed for the report, in order, with the time of each part."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from minewatch.errors import ConfigError
from minewatch.experiments.paper import contradictions, mechanisms
from minewatch.experiments.paper import paper_numbers as paper
from minewatch.experiments.paper.mechanisms import Outcome
from minewatch.experiments.paper.protocol import Result, Task, run
from minewatch.experiments.paper.samples import Progress, Samples
from minewatch.experiments.paper.tasks import coin_task, mining_task

FORMAT: Final = 1
_DIGITS: Final = 6


@dataclass(slots=True)
class Clock:
    """How long each part took [s]; ``tell`` hears of each as it begins."""

    tell: Progress = lambda _: None
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Measure what happens within."""
        self.tell(name)
        begun = time.monotonic()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + time.monotonic() - begun


@dataclass(frozen=True, slots=True)
class Findings:
    """All that the report says."""

    samples: Samples
    seed: int
    size: str
    task: Task
    results: list[Result]
    on_logarithms: list[Result]
    """The SVM on logarithms of the statistics."""
    coin_task: Task | None
    coins: list[Result]
    coin_problem: str
    """Why there is no coin experiment; empty if there is."""
    outcomes: list[Outcome]
    repeated: list[list[Outcome]]
    coin_outcomes: list[Outcome]


def run_all(samples: Samples, seed: int, size: str, clock: Clock) -> Findings:
    """Return everything the report says of these samples.

    Parameters
    ----------
    samples : labelled pairs.
    seed : of splits, models and resampling.
    size : what a packet's size was, for the report to tell.
    clock : measures the parts.
    """
    with clock.part("splits"):
        task = mining_task(samples, seed)
    with clock.part("Table I, test and honest split"):
        results = run(task)
    with clock.part("SVM on logarithms"):
        on_logarithms = run(task, ("SVM",), logarithms=True)
    coin, problem, coins, coin_outcomes = None, "", [], []
    with clock.part("coins"):
        try:
            coin = coin_task(samples, seed)
        except ConfigError as error:
            problem = str(error)
        else:
            coins = run(coin)
    with clock.part("mechanisms"):
        outcomes = mechanisms.outcomes(task)
        if coin is not None:
            coin_outcomes = mechanisms.outcomes(coin)
    with clock.part("mechanisms on further splits"):
        repeated = mechanisms.repeated(task)
    return Findings(
        samples,
        seed,
        size,
        task,
        results,
        on_logarithms,
        coin,
        coins,
        problem,
        outcomes,
        repeated,
        coin_outcomes,
    )


def as_json(found: Findings) -> dict[str, Any]:
    """Return every number, ours and the paper's, as plain data.

    Parameters
    ----------
    found : the findings.
    """
    members = {
        "format": FORMAT,
        "seed": found.seed,
        "packet_size": found.size,
        "conversations": found.samples.conversations,
        "pairs": {
            "mining": int(found.samples.is_mining.sum()),
            "normal": int((~found.samples.is_mining).sum()),
        },
        "thinned": found.samples.n_thinned,
        "counts": asdict(found.samples.counts),
        "honest_split": _honest(found.task),
        "coin_honest_split": None if found.coin_task is None else _honest(found.coin_task),
        "mining": [asdict(result) for result in found.results],
        "svm_on_logarithms": [asdict(result) for result in found.on_logarithms],
        "coins": [asdict(result) for result in found.coins],
        "coin_problem": found.coin_problem,
        "mechanisms": [asdict(outcome) for outcome in found.outcomes],
        "mechanisms_on_further_splits": [[asdict(o) for o in part] for part in found.repeated],
        "coin_mechanisms": [asdict(outcome) for outcome in found.coin_outcomes],
        "contradictions": [asdict(finding) for finding in contradictions.findings()],
        "paper": _paper(),
    }
    plain: dict[str, Any] = _plain(members)
    return plain


def _honest(task: Task) -> dict[str, Any]:
    honest = task.honest
    return {
        "held_out": list(honest.held_out),
        "rotations": len(honest.splits),
        "training_rows": [len(train) for train, _ in honest.splits],
        "test_rows": [len(test) for _, test in honest.splits],
        "cut_ns": honest.cut_ns,
        "left_out": honest.n_left_out,
        "untaught": honest.n_untaught,
    }


def _paper() -> dict[str, Any]:
    return {
        "table_1": [
            {"model": model, "statistic": statistic, "f1_percent": value}
            for (model, statistic), value in paper.TABLE_1.items()
        ],
        "test_auc_percent": paper.TEST_AUC,
        "test_f1_percent": paper.TEST_F1,
        "coin_validation_percent": paper.COIN_VALIDATION,
        "coin_test_percent": paper.COIN_TEST,
    }


def _plain(value: Any) -> Any:
    """Tuples become lists, NaN null; what lies beyond rounding errors of one machine is cut."""
    if isinstance(value, float):
        return None if math.isnan(value) else round(value, _DIGITS)
    if isinstance(value, dict):
        return {str(key): _plain(member) for key, member in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(member) for member in value]
    return value
