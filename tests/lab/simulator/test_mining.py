# SPDX-License-Identifier: Apache-2.0
import json
from dataclasses import replace
from itertools import pairwise
from random import Random

import numpy as np
import pytest

from minewatch.decoders.stratum import StratumDecoder
from minewatch.lab.dialects import DIALECTS
from minewatch.lab.dialects.economy import ways_in
from minewatch.lab.logins import draw_login
from minewatch.lab.plan import Miner, Pool
from minewatch.lab.simulator.mining import Spoken, Terms, converse
from minewatch.lab.simulator.pool_clock import PoolClock
from part_check import Said, payload

START_S = 1_700_000_000.0
RTT_S = 0.08


def terms(
    dialect: str,
    *evasions: str,
    seconds: float = 3600.0,
    gap_s: float = 20.0,
    name: str = "rig",
    late_s: float = 100.0,
    push_delay_s: float = 0.01,
) -> Terms:
    coin = ways_in(dialect)[0]
    rate = coin.hash_rates[0] * 3
    pool = Pool(
        name="p",
        host="h",
        port=3333,
        dialect=dialect,
        coin=coin.ticker,
        algorithm=coin.algorithm,
        chain_seed=5,
        block_mean_s=coin.block_mean_s,
        refresh_s=coin.refresh_s[1],
        difficulty=max(rate * gap_s, 1.0),
        reject_ratio=0.02,
    )
    login = draw_login(coin.ticker, coin.prefix, name, Random(1))
    miner = Miner(name, "s", ("p",), login, rate, evasions)
    start = START_S + late_s
    return Terms(miner, pool, start, start + seconds, RTT_S, 0.0, 0.002, push_delay_s)


def speak(asked: Terms, seed: int = 1) -> list[Spoken]:
    clock = PoolClock(asked.pool, START_S, START_S + 90_000)
    return converse(asked, DIALECTS[asked.pool.dialect], clock, Random(seed))


def decode(spoken: list[Spoken]) -> dict[str, object]:
    said = [Said(s.time_s - START_S, s.is_reply, len(s.octets), s.octets) for s in spoken]
    return dict(StratumDecoder().decode(payload(said, most=60)) or {})


@pytest.mark.parametrize("dialect", DIALECTS)
def test_each_dialect_is_decoded_as_itself(dialect: str):
    spoken = speak(terms(dialect, seconds=900.0))
    times = [s.time_s for s in spoken]
    assert times == sorted(times)
    assert times[0] >= START_S + 100
    assert times[-1] < START_S + 1000
    if DIALECTS[dialect].decoded_as == "stratum-v2":  # told by sizes, not by octets
        assert len(spoken[0].octets) == 64
        return
    row = decode(spoken)
    assert row["stratum_dialect"] == DIALECTS[dialect].decoded_as
    assert row["stratum_state"] in ("session", "poll")


@pytest.mark.parametrize("dialect", ["cryptonote", "bitcoin", "kawpow", "eth-proxy", "zcash"])
def test_shares_come_at_difficulty_over_hash_rate(dialect: str):
    """2 % of shares are refused, so both kinds of answer are counted: all submits."""
    asked = terms(dialect, seconds=60_000.0, gap_s=15.0)
    submits = [s for s in speak(asked) if b"ubmit" in s.octets and not s.is_reply]
    submits = [
        s for s in submits if b"ubmitHashrate" not in s.octets and b"ubmitLogin" not in s.octets
    ]
    gap = 60_000.0 / len(submits)
    # 4,000 shares, and rates that differ by lognormal(0.8) from job to job.
    assert gap == pytest.approx(asked.pool.difficulty / asked.miner.hash_rate, rel=0.15)


def test_two_miners_of_a_pool_get_their_jobs_together():
    def pushes(asked: Terms, seed: int) -> np.ndarray:
        times = [
            s.time_s for s in speak(asked, seed) if s.is_reply and b'"method":"job"' in s.octets
        ]
        return np.array([t for t in times if START_S + 700 < t < START_S + 3600])

    one = pushes(terms("cryptonote", push_delay_s=0.01), 1)
    other = pushes(terms("cryptonote", name="other", late_s=600.0, push_delay_s=0.4), 2)
    assert len(one) == len(other) > 20
    assert other - one == pytest.approx(np.full(len(one), 0.39), abs=0.001)


def test_an_answer_takes_a_round_trip():
    spoken = speak(terms("cryptonote"))
    assert not spoken[0].is_reply
    assert spoken[1].is_reply
    assert RTT_S < spoken[1].time_s - spoken[0].time_s < RTT_S + 0.05


def test_a_throttled_miner_submits_less_and_hears_as_much():
    full, held = (speak(terms("cryptonote", *e, gap_s=5.0)) for e in ((), ("throttle",)))
    jobs = [sum(b'"method":"job"' in s.octets for s in spoken) for spoken in (full, held)]
    submits = [sum(b'"submit"' in s.octets for s in spoken) for spoken in (full, held)]
    assert jobs[0] == jobs[1]
    assert submits[1] < submits[0] / 3


def test_padding_widens_the_sizes_and_is_still_read():
    spoken = speak(terms("cryptonote", "padding", seconds=7200.0, gap_s=10.0))
    sizes = {len(s.octets) for s in spoken if b'"submit"' in s.octets}
    assert max(sizes) - min(sizes) > 150
    assert decode(spoken)["stratum_dialect"] == "cryptonote"


def test_jitter_holds_shares_back():
    asked = terms("cryptonote", "jitter", gap_s=5.0)
    submits = [s for s in speak(asked) if b'"submit"' in s.octets]
    assert len(submits) > 300


def test_what_the_network_adds_is_told_and_the_answer_is_as_late():
    spoken = speak(replace(terms("cryptonote", gap_s=5.0), jitter_s=0.05))
    late = np.array([s.late_s for s in spoken if not s.is_reply])
    assert late.mean() == pytest.approx(0.05 / 2**0.5, rel=0.3)
    assert (late > 0.1).mean() > 0.05
    asked = {line["id"]: s for s in spoken if not s.is_reply for line in lines(s)}
    answers = {line.get("id"): s for s in spoken if s.is_reply for line in lines(s)}
    answers.pop(None)
    assert len(answers) > 300
    for number, answer in answers.items():
        least_s = RTT_S + asked[number].late_s
        assert answer.time_s - asked[number].time_s > least_s - 1e-6


def test_some_answers_take_long():
    asked = replace(terms("cryptonote", gap_s=5.0), late_share=0.2, late_s=lambda: 3.0)
    quick = [
        after.time_s - before.time_s < RTT_S + 1.0
        for before, after in pairwise(s for s in speak(asked) if b'"job"' not in s.octets)
        if not before.is_reply and after.is_reply
    ]
    assert 0.1 < 1 - np.mean(quick) < 0.4


def lines(said: Spoken) -> list[dict[str, object]]:
    return [json.loads(line) for line in said.octets.splitlines()]


def test_the_same_seed_says_the_same():
    assert speak(terms("bitcoin"), 3) == speak(terms("bitcoin"), 3)
    assert speak(terms("bitcoin"), 3) != speak(terms("bitcoin"), 4)
