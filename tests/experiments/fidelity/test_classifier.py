# SPDX-License-Identifier: Apache-2.0
import numpy as np
import polars as pl

from minewatch.experiments.fidelity.classifier import FEATURES, MOST_WINDOWS, compare, windows


def _made(seed, conversations=12, share_s=20.0, seconds=1300, size=186):
    """Miners that share at random and get a job each minute."""
    rng = np.random.default_rng(seed)
    parts = []
    for number in range(conversations):
        shares = np.cumsum(rng.exponential(share_s, int(2 * seconds / share_s)))
        jobs = np.arange(0, seconds, 60.0) + rng.normal(0, 1, len(range(0, seconds, 60)))
        times = np.concatenate([shares, shares + 0.1, jobs])
        sent = np.concatenate([np.ones(len(shares)), np.zeros(len(shares) + len(jobs))])
        payload = np.concatenate(
            [np.full(len(shares), size), np.full(len(shares), 65), np.full(len(jobs), 378)]
        )
        keep = (times >= 0) & (times < seconds)
        parts.append(
            pl.DataFrame(
                {
                    "source": "s",
                    "capture": f"c{number}",
                    "conversation": number,
                    "time_s": times[keep],
                    "from_miner": sent[keep] > 0,
                    "octets": payload[keep].astype(int) + 52,
                    "payload_octets": payload[keep].astype(int),
                }
            ).sort("time_s")
        )
    return pl.concat(parts)


def test_windows_are_whole_and_bounded():
    found = windows(_made(1, conversations=3, seconds=600 * (MOST_WINDOWS + 3)))
    assert found.values.shape == (3 * MOST_WINDOWS, len(FEATURES))
    short = windows(_made(1, conversations=2, seconds=599))
    assert short.values.shape == (0, len(FEATURES))


def test_features_are_what_they_say():
    row = windows(_made(2, conversations=1)).values[0]
    named = dict(zip(FEATURES, row, strict=True))
    assert named["median sent payload"] == 186
    assert named["highest received payload"] == 378
    assert abs(named["median job gap"] - 60) < 3
    assert abs(named["median answer lag"] - 0.1) < 0.05


def test_the_same_process_cannot_be_told_apart():
    found = compare(windows(_made(3)), windows(_made(4)))
    assert abs(found.auc - 0.5) < 0.2
    assert found.chance[0] - 0.05 < found.auc < found.chance[1] + 0.1


def test_another_process_can_and_the_feature_is_named():
    found = compare(windows(_made(3)), windows(_made(4, size=250)))
    assert found.auc > 0.95
    assert found.chance[1] < 0.8
    assert found.telling[0][0] in ("median sent payload", "highest sent payload")
