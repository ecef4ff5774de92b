# SPDX-License-Identifier: Apache-2.0
"""What the paper's own numbers say of each other, each with its arithmetic."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from minewatch.experiments.paper import paper_numbers as paper
from minewatch.experiments.paper.flows import STATISTICS
from minewatch.experiments.paper.metrics import auc, auc_as_printed, confusion, macro_f1

_MINING: Final = int(paper.MINING)
_NORMAL: Final = int(paper.NORMAL.replace(",", ""))
_ALL: Final = int(paper.CONVERSATIONS.replace(",", ""))
_TEST: Final = math.ceil(0.2 * _ALL)
"""Rows of a 20 % test part, as scikit-learn rounds."""
_TRAIN: Final = _ALL - _TEST


@dataclass(frozen=True, slots=True)
class Finding:
    """A statement of the paper, and what arithmetic says of it."""

    title: str
    says: str
    arithmetic: str


def all_normal_macro_f1(mining: int, normal: int) -> float:
    """Return the macro-F1 of calling everything normal.

    Parameters
    ----------
    mining : mining flows.
    normal : normal flows.

    Examples
    --------
    >>> round(100 * all_normal_macro_f1(157, 84_187), 3)
    49.953
    """
    actual = np.repeat([0, 1], [normal, mining])
    return float(macro_f1(confusion(actual, np.zeros_like(actual), 2)))


def mining_in_training(printed: str) -> tuple[int, int]:
    """Return how many mining flows the training part had, least and most, by the SVM's F1.

    Parameters
    ----------
    printed : macro-F1 of calling everything normal [%], rounded as printed.

    Examples
    --------
    >>> mining_in_training("49.955")
    (120, 122)
    """
    rows = _TRAIN
    half = 0.5 * 10.0 ** -len(printed.partition(".")[2])
    fits = [
        m
        for m in range(1, _MINING + 1)
        if abs(100 * all_normal_macro_f1(m, rows - m) - float(printed)) < half
    ]
    return fits[0], fits[-1]


def chance_of_two_guesses(positives: int, negatives: int) -> float:
    """Return how likely two guessing classifiers both score an AUC that rounds to 50.00 %.

    Parameters
    ----------
    positives : mining flows in the test.
    negatives : normal flows in the test.
    """
    deviation = math.sqrt((positives + negatives + 1) / (12 * positives * negatives))
    one = math.erf(0.00005 / (deviation * math.sqrt(2)))
    return one * one


def labels_that_fit(auc_percent: str, f1_percent: str) -> list[tuple[int, int, int]]:
    """Return (mining flows, found, false alarms) that give both, for 15 to 60 mining flows.

    Parameters
    ----------
    auc_percent : AUC of labels, rounded as printed.
    f1_percent : macro-F1, or F1 of mining, rounded as printed.
    """
    fits = []
    for positives in range(15, 61):
        negatives = _TEST - positives
        for found in range(positives + 1):
            for alarms in range(60):
                area = 50 * (found / positives + 1 - alarms / negatives)
                if abs(area - float(auc_percent)) >= 0.005:
                    continue
                missed = positives - found
                mining = 200 * found / (2 * found + missed + alarms)
                right = negatives - alarms
                macro = mining / 2 + 100 * right / (2 * right + missed + alarms)
                if min(abs(mining - float(f1_percent)), abs(macro - float(f1_percent))) < 0.005:
                    fits.append((positives, found, alarms))
    return fits


def best_models() -> Mapping[str, str]:
    """Return the best model of each column of Table I."""
    best = {}
    for statistic in STATISTICS:
        column = {model: value for (model, s), value in paper.TABLE_1.items() if s == statistic}
        best[statistic] = max(column, key=lambda model: float(column[model]))
    return best


def findings() -> list[Finding]:
    """Return all findings, those about the protocol first."""
    return [*_about_measures(), *_about_test(), *_about_coins(), *_about_data()]


def _about_measures() -> list[Finding]:
    perfect = np.arange(_TEST) >= _TEST - 31
    low, high = mining_in_training(paper.TABLE_1[("SVM", "bits/s")])
    return [
        Finding(
            "Equation 4 is not the AUC",
            "AUC = (S_p - n_p (n_n + 1) / 2) / (n_p n_n).",
            "The source has n_p where this has n_n: (S_p - n_p (n_p + 1) / 2) / (n_p n_n). To the "
            f"letter, a perfect ranking of 31 among {_TEST - 31:,} gives "
            f"{100 * auc_as_printed(perfect, perfect.astype(float)):.2f} % instead of "
            f"{100 * auc(perfect, perfect.astype(float)):.0f} %, and one constant answer "
            f"{100 * auc_as_printed(perfect, np.zeros(_TEST)):.2f} % instead of 50 %. A ranking of "
            "99.91 % would be printed as 50.00 %; but then no classifier could reach 95.45 %. So "
            "it is most likely a misprint.",
        ),
        Finding(
            "The F1 is another than equation 3",
            "Equation 3 is the F1 of one class; the SVM has 49.955 % (Table I).",
            "Calling everything normal gives an F1 of 0 for mining by equation 3. The mean of both "
            f"classes is {100 * all_normal_macro_f1(_MINING, _NORMAL):.3f} %: the table is "
            "macro-averaged, half of every number is the normal class, and 49.955 % is no skill at "
            "all.",
        ),
        Finding(
            "The split was not in proportion",
            "SVM 49.955 %, on 80 % of 84,344 with 157 mining.",
            f"If all of the training part's {_TRAIN:,} rows were called normal, {low} to "
            f"{high} of them were mining: only then does it round to 49.955 %. In proportion it "
            f"would be 126 and 49.953 %. So {_MINING - high} to {_MINING - low} of the 157 were in "
            "the test part, instead of 31: no contradiction, for a draw that does not keep "
            f"proportions leaves 31 with a standard deviation of {_deviation_of_draw():.0f}.",
        ),
        Finding(
            "Text and table differ on the SVM",
            f"Text: {paper.SVM_IN_TEXT} %. Table I: {paper.TABLE_1[('SVM', 'bits/s')]} %.",
            "49.955 rounds to 49.96 or 49.95, not to 49.99.",
        ),
        Finding(
            "An average that agrees",
            f"F1 on bits/packet from {paper.RANGE_IN_TEXT[0]} to {paper.RANGE_IN_TEXT[1]} %, mean "
            f"{paper.MEAN_BITS_PER_PACKET} %.",
            f"({_column('bits/packet')}) / 4 = {_mean('bits/packet'):.2f}: that agrees. Without "
            f"the SVM the mean on bits/s is {_mean('bits/s', without='SVM'):.2f}, on packets/s "
            f"{_mean('packets/s', without='SVM'):.2f}, on bits/packet "
            f"{_mean('bits/packet', without='SVM'):.2f}: most of the difference between the plots "
            "is the SVM alone.",
        ),
        Finding(
            "The noise that only the SVM sees",
            "The SVM fails on bits/s and packets/s because the plots are noisy and not separable.",
            f"On the same plots the other three score {_least('packets/s')} to "
            f"{_most('bits/s')} % in the same cross-validation: they separate what "
            "the SVM does not. On our data it is the scale of the rates; see the SVM on logarithms "
            "above.",
        ),
    ]


def _about_test() -> list[Finding]:
    best = best_models()
    chance = chance_of_two_guesses(31, _TEST - 31)
    error = 100 * math.sqrt((_TEST + 1) / (12 * 31 * (_TEST - 31)))
    fits = len(labels_that_fit(paper.TEST_AUC["bits/packet"], paper.TEST_F1["bits/packet"]))
    return [
        Finding(
            "50.00 % twice is not guessing",
            "AUC on bits/s and packets/s both 50.00 %: the classifiers were randomly guessing.",
            f"The AUC of a guess over 31 mining rows has a standard error of {error:.1f} points. "
            f"Two that both round to 50.00 have a probability of {chance:.0e}. Exactly 50.00 is "
            "what one constant answer gives: everything called normal.",
        ),
        Finding(
            "The best model is first nowhere in Table I",
            "The overall best performer was the RFT.",
            "If it is said of the test, the paper gives nothing by model to check it. In "
            f"Table I {best['packets/s']} is best on packets/s, {best['bits/packet']} on "
            f"bits/packet, {best['bits/s']} on bits/s. The RFT is first in no column, and in the "
            f"mean of all three ({_over_all('RFT'):.2f}) second to KNN ({_over_all('KNN'):.2f}).",
        ),
        Finding(
            "AUC and F1 of the test cannot both be of labels",
            "bits/packet, test: AUC 95.45 %, F1 95.06 %.",
            f"Of the confusion matrices of {_TEST:,} rows with 15 to 60 mining ones and fewer than "
            f"60 false alarms, {fits or 'none'} gives both, as macro-F1 or as F1 of mining. 95.45 "
            "% alone is 20 of 22 or 30 of 33 found without a false alarm. So the AUC is of scores, "
            "or the two are of different models or rows, or means.",
        ),
    ]


def _about_coins() -> list[Finding]:
    mean, svm, knn = (float(v) for v in (paper.COIN_TEST["bits/packet"], *paper.COIN_BEST.values()))
    low = float(paper.COIN_TEST_RANGE[0])
    rest = 4 * mean - svm - knn - low
    return [
        Finding(
            "A maximum above the maximum",
            "Coin test F1 from 74.18 to 86.30 %; the highest are SVM 86.30 and KNN 89.06 %.",
            f"89.06 lies outside the range. With the mean of 81.97, the sum is {4 * mean:.2f}; "
            f"taking away 86.30, 89.06 and 74.18 leaves {rest:.2f} for the fourth model: the mean "
            "agrees with 89.06, the range does not.",
        ),
        Finding(
            "From 97 % to the level of a guess",
            "Coin test F1 of 12.64 % (bits/s) and 19.63 % (packets/s), after 96.79 and 83.63 % in "
            "cross-validation.",
            "Guessing among five coins gives about 20 %; always saying one coin gives "
            f"{_one_coin(7):.1f} % if it is 7 of the 32, {_one_coin(15):.1f} % if it is 15. "
            "Over-fitting, which the paper names as the cause, lowers the score of folds not "
            "trained on as it does that of the test. A fall this deep points to a test part that "
            "differs from the training part, in its rows or in how they were prepared.",
        ),
        Finding(
            "Thirty-two rows",
            "Differences between models of 1 to 5 points are read as differences between models.",
            "One mistake among 32 rows moves accuracy by 3.1 points, and one among the six rows of "
            "a coin moves that coin's recall by 17.",
        ),
    ]


def _about_data() -> list[Finding]:
    low, high = mining_in_training(paper.TABLE_1[("SVM", "bits/s")])
    return [
        Finding(
            "Servers that did nothing but mine",
            "During the creation of the dataset, only crypto-mining was done on the servers (IV-C, "
            "where the paper itself warns of it).",
            f"{paper.NORMAL} of {paper.CONVERSATIONS} conversations, {100 * _NORMAL / _ALL:.2f} %, "
            "are normal. What they are is not told; on servers that did nothing else they can be "
            "scans, updates and administration. Mining was told from those, not from business.",
        ),
        Finding(
            "Conversations, flows, pairs",
            "84,344 conversations; 157 mining flows amongst 84,187 normal flows.",
            f"{_MINING} + {_NORMAL:,} = {_ALL:,}: one number is called conversations and flows. "
            f"The SVM's 49.955 % fits a share of mining of {100 * low / _TRAIN:.2f} to "
            f"{100 * high / _TRAIN:.2f} %, near the {100 * _MINING / _ALL:.2f} % of these numbers, "
            f"so {_ALL:,} should be the rows after Figure 1. Before, with the lone packets that it "
            "drops, there will have been more conversations.",
        ),
        Finding(
            "Five coins, one program",
            "XMRig mined DOGE, ETC, ETH, RVN and XMR.",
            "XMRig computes neither Ethash nor Etchash nor Scrypt, and KawPow on graphics cards "
            "only. On a virtual server it can earn such coins from a multi-coin pool, which pays "
            "them for RandomX work: then the five differ on the wire by login and pool, not by "
            "coin.",
        ),
    ]


def _deviation_of_draw() -> float:
    """Standard deviation of the mining flows in a test part drawn without regard to classes."""
    return math.sqrt(_TEST * _MINING / _ALL * _NORMAL / _ALL * _TRAIN / (_ALL - 1))


def _one_coin(rows: int) -> float:
    """Macro-F1 over five coins of saying one coin always, which is so many of the 32 [%]."""
    return 100 * 2 * rows / (32 + rows) / 5


def _values(statistic: str, without: str = "") -> list[str]:
    return [v for (m, s), v in paper.TABLE_1.items() if s == statistic and m != without]


def _column(statistic: str) -> str:
    return " + ".join(_values(statistic))


def _mean(statistic: str, without: str = "") -> float:
    return float(np.mean([float(v) for v in _values(statistic, without)]))


def _over_all(model: str) -> float:
    return float(np.mean([float(v) for (m, _), v in paper.TABLE_1.items() if m == model]))


def _least(statistic: str) -> str:
    return min(_values(statistic, "SVM"), key=float)


def _most(statistic: str) -> str:
    return max(_values(statistic, "SVM"), key=float)
