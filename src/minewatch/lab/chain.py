# SPDX-License-Identifier: Apache-2.0
"""A chain of blocks that nobody mines, and when a pool pushes jobs because of it.

Blocks come at exponential gaps. A pool hears of each a little late and refreshes its template when
nothing was pushed for a while, so the gap between two pushes is min(Exp(block mean), refresh): what
was measured at real pools. Two pools on one chain see the same blocks, as two pools of one coin do;
that is the only thing they share.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from minewatch.lab.dialects.contract import Work

SEED_BLOCKS = 2048
"""The seed hash changes this often; RandomX's rule."""

SEED_LAG = 64
"""The next one is known so many blocks before it comes to force; RandomX's rule."""

PROPAGATION_S = (0.1, 0.9)
"""Between these a pool hears late of a block [s]."""


@dataclass(frozen=True, slots=True)
class Block:
    """The tip of the chain that a pool builds on."""

    height: int
    """Of the block that is sought."""
    previous_hash: bytes
    seed_hash: bytes
    next_seed_hash: bytes = b""
    """Empty but for the last blocks before it comes to force."""


class Chain:
    """Blocks and when they arrive; the same arguments give the same chain in every process.

    Parameters
    ----------
    seed : which chain.
    block_mean_s : mean gap between blocks [s]; Monero aims at 120.
    height : height of the first block sought.

    Examples
    --------
    >>> chain = Chain(7, block_mean_s=10.0)
    >>> (first_s, first), (second_s, second) = (next(chain.blocks()) for _ in range(2))
    >>> first_s, first == second, first.height
    (0.0, True, 3300000)
    """

    def __init__(self, seed: int, block_mean_s: float = 120.0, height: int = 3_300_000) -> None:
        if not block_mean_s > 0:
            raise ValueError(f"blocks need a mean gap above 0 s, not {block_mean_s}")
        self.seed = seed
        self.block_mean_s = block_mean_s
        self.height = height

    def blocks(self) -> Iterator[tuple[float, Block]]:
        """Yield (seconds after the start, block), the first at 0, without end."""
        # Named, so that chain, pool and miner of one seed do not draw the same octets.
        rng = Random(f"chain {self.seed}")
        arrival_s = 0.0
        height = self.height
        while True:
            seed_hash, following = (self._seed_hash(h) for h in (height - SEED_LAG, height))
            announced = following if following != seed_hash else b""
            yield arrival_s, Block(height, rng.randbytes(32), seed_hash, announced)
            arrival_s += rng.expovariate(1 / self.block_mean_s)
            height += 1

    def _seed_hash(self, height: int) -> bytes:
        return Random(f"chain {self.seed} epoch {(height - 1) // SEED_BLOCKS}").randbytes(32)


def job_times(
    chain: Chain,
    refresh_s: float,
    propagation_s: tuple[float, float],
    rng: Random,
    *,
    start_s: float,
    late_s: float = 0.0,
) -> Iterator[tuple[float, Work]]:
    """Yield when one pool has new work, and what, without end.

    Parameters
    ----------
    chain : whose blocks it follows.
    refresh_s : a template is refreshed at the latest this long after the last push [s].
    propagation_s : least and most of how late a block is heard of [s]; the first block was heard
        of before the pool started.
    rng : the pool's own source of delays.
    start_s : when the chain started, seconds since 1970.
    late_s : sigma of the half-normal time by which a refresh is late.

    Yields
    ------
    (seconds after the chain's start, the work): the first at 0, never decreasing.

    Examples
    --------
    >>> times = job_times(Chain(6), 30.0, (0.1, 0.9), Random(1), start_s=1_800_000_000.0)
    >>> pushes = [next(times) for _ in range(3)]
    >>> [round(offset_s, 1) for offset_s, _ in pushes], [work.time_s for _, work in pushes]
    ([0.0, 14.3, 44.3], [1800000000, 1800000014, 1800000044])
    """
    if not refresh_s > 0:
        raise ValueError(f"a template needs more than {refresh_s} s between two refreshes")
    blocks = chain.blocks()
    _, tip = next(blocks)
    now_s = 0.0
    yield now_s, _work(tip, start_s, is_new_block=True)
    for arrival_s, block in blocks:
        # Two blocks on each other's heels may be heard of in either order; pools keep the later.
        heard_s = max(arrival_s + rng.uniform(*propagation_s), now_s)
        while heard_s - now_s > (wait_s := refresh_s + _lateness(rng, late_s)):
            now_s += wait_s
            yield now_s, _work(tip, start_s + now_s, is_new_block=False)
        now_s, tip = heard_s, block
        yield now_s, _work(tip, start_s + now_s, is_new_block=True)


def _lateness(rng: Random, late_s: float) -> float:
    return abs(rng.gauss(0.0, late_s)) if late_s > 0 else 0.0


def _work(tip: Block, time_s: float, *, is_new_block: bool) -> Work:
    return Work(
        tip.height,
        tip.previous_hash,
        tip.seed_hash,
        int(time_s),
        is_new_block,
        tip.next_seed_hash,
    )
