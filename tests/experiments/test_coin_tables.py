# SPDX-License-Identifier: Apache-2.0
import re

from minewatch.experiments.coin_tables import coin_markdown
from minewatch.experiments.coins import POOLS, RANDOM


def figures(question, horizon_s, n=10, interval=(0.8, 1.0)):
    return {
        "question": question,
        "input": "flow-log-60s",
        "horizon_s": horizon_s,
        "conversations": n,
        "accuracy": 0.9 if n else None,
        "accuracy_interval": list(interval) if n else None,
        "macro_recall": 0.85,
        "answered": 0.5,
        "right_of_answered": None,
    }


CONFUSION = {
    "truth": ["a", "b"],
    "answers": ["a", "b", "unknown"],
    "counts": [[1, 2, 3], [4, 5, 6]],
}
REPORT = {
    "conversations": 1234,
    "pools": 7,
    "sources": {"lab": 1000, "other": 234},
    "precision": 0.98,
    "splits": {
        RANDOM: [figures("algorithm", 120), figures("algorithm", 600)],
        POOLS: [figures("algorithm", 0), figures("dialect", 120), figures("dialect", 600, n=0)],
    },
    "confusion": {
        question: {"packets-without-payload": CONFUSION, "flow-log-60s": CONFUSION}
        for question in ("algorithm", "dialect", "pool_family")
    },
    "left_out_sources": [
        {
            "source": "lab",
            "conversations": 10,
            "algorithms": ["a", "b"],
            "accuracy": 1.0,
            "answered": 0.5,
            "right_of_answered": None,
        }
    ],
    "novel": [
        {"algorithm": "a", "conversations": 3, "unknown": 1.0, "most_often_called": None},
    ],
    "shipped": [
        {
            "question": "algorithm",
            "source": "lab-7",
            "input": "packets-without-payload",
            "conversations": 58,
            "answered": 0.862,
            "right_of_answered": None,
        },
    ],
    "payload": {
        "conversations": 10,
        "dialect_read": 8,
        "algorithm_read": 6,
        "algorithm_right": 5,
        "coin_read": 4,
        "coin_right": 3,
    },
}


def test_the_tables_are_whole():
    text = coin_markdown(REPORT)
    assert "1,234 mining conversations at 7 pools (lab 1000, other 234)" in text
    assert (
        "| random | flow-log-60s | 600 s | 10 | 0.900 (0.800-1.000) | 0.850 | 0.500 | - |" in text
    )
    assert "| pools never seen | flow-log-60s | its end | 10 |" in text
    assert text.count("| a | 1 | 2 | 3 |\n| b | 4 | 5 | 6 |") == 6
    assert "Family of pool, flow-log-60s:" in text
    assert "| lab | 10 | a, b | 1.000 | 0.500 | - |" in text
    assert "| a | 3 | 1.000 | - |" in text
    assert "| algorithm | lab-7 | packets-without-payload | 58 | 0.862 | - |" in text
    assert "6, 5 of them rightly" in text
    widths = [[line.count("|") for line in block.split("\n")] for block in tables(text)]
    assert widths
    assert all(len(set(block)) == 1 for block in widths)


def test_only_the_split_that_counts_shows_all_times():
    text = coin_markdown(REPORT)
    assert "| random | flow-log-60s | 120 s" not in text
    assert "| pools never seen | flow-log-60s | 120 s" in text


def test_what_nothing_was_counted_of_has_no_row():
    dialect = coin_markdown(REPORT).split("### Dialect")[1].split("###")[0]
    assert dialect.count("| pools never seen") == 1


def tables(text):
    return [block for block in re.split(r"\n\n", text) if block.startswith("|")]
