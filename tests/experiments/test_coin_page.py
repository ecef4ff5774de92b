# SPDX-License-Identifier: Apache-2.0
from minewatch.experiments.coin_page import coin_findings, coin_page
from minewatch.experiments.coin_tables import coin_markdown
from minewatch.experiments.coins import POOLS, RANDOM, RECORDED

CONFUSION = {
    "truth": ["a", "b"],
    "answers": ["a", "b", "unknown"],
    "counts": [[1, 2, 3], [4, 5, 6]],
}


def told(accuracy, answered, right, n=100, kind="packets-without-payload"):
    return {
        "question": "algorithm",
        "input": kind,
        "horizon_s": 600,
        "conversations": n,
        "accuracy": accuracy,
        "accuracy_interval": [0.5, 1.0],
        "macro_recall": 0.8,
        "answered": answered,
        "right_of_answered": right,
    }


REPORT = {
    "conversations": 1234,
    "pools": 7,
    "sources": {"lab": 1000, "other": 234},
    "precision": 0.98,
    "splits": {
        RANDOM: [told(0.97, 0.9, 0.99)],
        POOLS: [told(0.93, 0.7, 0.985), told(0.77, 0.12, 1.0, kind="flow-log-60s")],
        RECORDED: [told(1.0, 0.5, 1.0, n=29)],
    },
    "confusion": {
        question: {"packets-without-payload": CONFUSION, "flow-log-60s": CONFUSION}
        for question in ("algorithm", "dialect", "pool_family")
    },
    "left_out_sources": [],
    "novel": [
        {"algorithm": "scrypt", "conversations": 9, "unknown": 0.2, "most_often_called": "sha256d"},
        {"algorithm": "equihash", "conversations": 9, "unknown": 1.0, "most_often_called": None},
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
    "payload": dict.fromkeys(
        (
            *("conversations", "dialect_read", "algorithm_read", "algorithm_right"),
            *("coin_read", "coin_right"),
        ),
        3,
    ),
}


def test_findings_say_what_the_figures_say():
    fair, sure, log, real, missed, shipped, novel = coin_findings(REPORT)
    assert "right in 0.930 of the conversations with pools never seen" in fair
    assert "A random split flatters: 0.970" in fair
    assert '0.700 of them get an answer, the others "unknown"; of the answers 0.985' in sure
    assert "0.120 get an answer, though the likeliest would be right in 0.770" in log
    assert "29 recorded conversations, too few for more than an impression: 1.000 right" in real
    # 1 of 1 + 2 + 3, and 5 of 4 + 5 + 6.
    assert missed.endswith(": a (1 of 6), b (5 of 15).")
    assert "scrypt is then called sha256d or another known one in 0.800" in novel
    assert "equihash" not in novel
    assert (
        "lab-7, our programs over real connections: of its 58 conversations it answers 0.862"
        in shipped
    )


def test_findings_keep_silent_of_what_was_not_counted():
    (missed,) = coin_findings(REPORT | {"splits": {}, "novel": [], "shipped": []})
    assert missed.startswith("Named less often than not")


def test_the_page_says_how_it_was_made():
    page = coin_page(REPORT, "python benchmarks/coins.py real lab")
    assert page.startswith("# What is mined: the benchmark\n")
    assert "\n    python benchmarks/coins.py real lab\n" in page
    assert page.count("## What it says\n\n- ") == 1
    assert page.endswith(coin_markdown(REPORT))
