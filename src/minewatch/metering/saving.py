# SPDX-License-Identifier: Apache-2.0
"""The memory of the metering process as plain arrays, only what is in use, and back again.

Rows, chunks, rings and blocks keep their numbers, so that what comes out later is in the same
order. The index is not saved: its hash has another seed in each process. Arrays that were read are
checked as far as the kernels rely on them, because these do not check: a number that is out of
range, or a chain that goes round, must not come to them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from minewatch.metering import state as st
from minewatch.metering.index import rehash
from minewatch.metering.kernel import rebuild_index
from minewatch.metering.side import TALK_BLOCKS
from minewatch.types import Int64Array

Arrays = Mapping[str, np.ndarray]
_POOLS: Final = (
    ("series", st.N_SERIES, st.N_FREE_SERIES),
    ("latest", st.N_LATEST, st.N_FREE_LATEST),
    ("blocks", st.N_BLOCKS, st.N_FREE_BLOCKS),
)
_MOST_CHUNKS: Final = st.FIRST_PACKETS // st.SERIES_CHUNK


def saved(pools: st.Pools) -> dict[str, np.ndarray]:
    """Return copies of what is in use.

    Parameters
    ----------
    pools : between two calls of a kernel.
    """
    counts = pools.counts
    rows = np.flatnonzero(pools.rows[: counts[st.N_ROWS], st.STATUS] != st.FREE)
    arrays = {
        "counts": counts.copy(),
        "sizes": np.array([len(pools.rows), len(pools.series), len(pools.latest)], np.int64),
        "row_numbers": rows,
        "rows": pools.rows[rows],
        "free_rows": pools.free_rows[: counts[st.N_FREE_ROWS]].copy(),
        "records": pools.records[: counts[st.N_RECORDS]].copy(),
        "ended": pools.ended[: counts[st.N_ENDED]].copy(),
        "dns": pools.dns[: counts[st.DNS_USED]].copy(),
        "dns_records": pools.dns_records[: counts[st.DNS_COUNT]].copy(),
    }
    for name, n_used, n_free in _POOLS:
        free = getattr(pools, f"free_{name}")[: counts[n_free]]
        is_used = np.ones(counts[n_used], np.bool_)
        is_used[free] = False
        numbers = np.flatnonzero(is_used)
        arrays[f"{name}_numbers"] = numbers
        arrays[name] = getattr(pools, name)[numbers]
        arrays[f"free_{name}"] = free.copy()
    arrays["heads"] = pools.heads[arrays["blocks_numbers"]]
    return arrays


def restored(arrays: Arrays, options: st.MeteringOptions, seed: int) -> st.Pools:
    """Return pools that go on where ``saved`` was called.

    Parameters
    ----------
    arrays : from ``saved``.
    options : those of then.
    seed : of the hash of packets' keys in this process.

    Raises
    ------
    ValueError : the arrays do not fit together.
    """
    pools = new_of_size(arrays, options)
    pools.counts[:] = _shaped(arrays, "counts", (st.N_COUNTS,))
    for name, count in (
        ("free_rows", st.N_FREE_ROWS),
        ("records", st.N_RECORDS),
        ("ended", st.N_ENDED),
        ("dns", st.DNS_USED),
        ("dns_records", st.DNS_COUNT),
        *((f"free_{name}", n_free) for name, _, n_free in _POOLS),
    ):
        _fill(getattr(pools, name), arrays[name], int(pools.counts[count]), name)
    _scatter(pools, arrays, "rows", "row_numbers", st.N_ROWS, st.N_FREE_ROWS)
    pools.rows[pools.free_rows[: pools.counts[st.N_FREE_ROWS]], st.STATUS] = st.FREE
    for name, n_used, n_free in _POOLS:
        _scatter(pools, arrays, name, f"{name}_numbers", n_used, n_free)
    pools.heads[arrays["blocks_numbers"]] = _shaped(
        arrays, "heads", (len(arrays["blocks_numbers"]), st.BLOCK_HEAD)
    )
    _check_rows(pools, arrays["row_numbers"])
    rehash(pools.rows, arrays["row_numbers"], seed)
    rebuild_index(pools.index, pools)
    return pools


def new_of_size(arrays: Arrays, options: st.MeteringOptions) -> st.Pools:
    """Return empty pools as large as those that were saved.

    Parameters
    ----------
    arrays : from ``saved``.
    options : those of then.

    Raises
    ------
    ValueError : no such pools can have been.
    """
    rows, chunks, rings = _shaped(arrays, "sizes", (3,)).tolist()
    limits = (options.max_biflows, options.max_chunks, options.max_rings)
    if any(not 0 < n <= most for n, most in zip((rows, chunks, rings), limits, strict=True)):
        raise ValueError("pools larger than the options allow")
    pools = st.new_pools(options)
    return pools._replace(
        index=np.zeros(1 << (2 * rows - 1).bit_length(), np.int64),
        rows=np.zeros((rows, st.ROW_WORDS), np.int64),
        free_rows=np.zeros(rows, np.int64),
        series=np.zeros((chunks, st.SERIES_WORDS), np.int64),
        free_series=np.zeros(chunks, np.int64),
        latest=np.zeros((rings, 2 * st.LATEST_PACKETS), np.int64),
        free_latest=np.zeros(rings, np.int64),
    )


def _shaped(arrays: Arrays, name: str, shape: tuple[int, ...]) -> np.ndarray:
    if arrays[name].shape != shape:
        raise ValueError(f"{name} has shape {arrays[name].shape}, not {shape}")
    return arrays[name]


def _fill(whole: np.ndarray, part: np.ndarray, count: int, name: str) -> None:
    if len(part) != count or count > len(whole) or part.shape[1:] != whole.shape[1:]:
        raise ValueError(f"{name}: {len(part)} of {count}")
    whole[:count] = part


def _scatter(
    pools: st.Pools, arrays: Arrays, name: str, numbers_name: str, n_used: int, n_free: int
) -> None:
    """Put elements where they were; used and free ones must be all that there are, each once."""
    whole, numbers = getattr(pools, name), arrays[numbers_name]
    used = int(pools.counts[n_used])
    free = getattr(pools, f"free_{name}")[: pools.counts[n_free]]
    both = np.sort(np.concatenate([numbers, free]))
    if not 0 <= used <= len(whole) or not np.array_equal(both, np.arange(used)):
        raise ValueError(f"{name}: used and free ones are not all")
    whole[numbers] = _shaped(arrays, name, (len(numbers), *whole.shape[1:]))


def _check_rows(pools: st.Pools, numbers: np.ndarray) -> None:
    """Refuse rows that name what they do not have."""
    rows, counts = pools.rows[numbers], pools.counts
    is_ended = (rows[:, st.STATUS] & st.ENDED) != 0
    ended = pools.ended[: counts[st.N_ENDED]]
    if not np.array_equal(np.sort(ended), numbers[is_ended]):
        raise ValueError("ended: not the rows that have ended")
    if ((rows[:, st.FLOW_ID] < 1) | (rows[:, st.FLOW_ID] > counts[st.N_FLOWS])).any():
        raise ValueError("rows: a number that no biflow has got yet")
    if not 0 <= counts[st.SWEEP_AT] <= counts[st.N_ROWS]:
        raise ValueError("counts: a sweep of rows that are not there")
    if not 0 <= counts[st.N_LOOKED] <= counts[st.N_ENDED]:
        raise ValueError("counts: a look at what has not ended")
    packets = rows[:, st.SERIES_COUNT]
    if (packets < 0).any() or (rows[packets == 0, st.SERIES_TAIL] != 0).any():
        raise ValueError("rows: a series of less than nothing, or the end of none")
    chunks = -(-np.minimum(packets, st.FIRST_PACKETS) // st.SERIES_CHUNK)
    _check_chains(
        rows[:, st.SERIES_HEAD],
        rows[:, st.SERIES_TAIL],
        chunks,
        pools.series[:, 2 * st.SERIES_CHUNK],
        int(counts[st.N_SERIES]),
        _MOST_CHUNKS,
    )
    rings = rows[packets > st.FIRST_PACKETS, st.LATEST_BLOCK]
    if len(rings) != len(np.unique(rings)) or ((rings < 0) | (rings >= counts[st.N_LATEST])).any():
        raise ValueError("latest: a ring of two, or none at all")
    _check_chains(
        rows[:, st.PAYLOAD_HEAD],
        rows[:, st.PAYLOAD_TAIL],
        rows[:, st.PAYLOAD_BLOCKS],
        pools.heads[:, st.BLOCK_NEXT],
        int(counts[st.N_BLOCKS]),
        TALK_BLOCKS,
    )
    sizes = pools.heads[: counts[st.N_BLOCKS], st.BLOCK_CAPTURED]
    if ((sizes < 0) | (sizes > st.BLOCK_OCTETS)).any():
        raise ValueError("heads: a block of impossible size")


def _check_chains(
    heads: Int64Array, tails: Int64Array, lengths: Int64Array, links: Int64Array, n: int, most: int
) -> None:
    """Refuse chains of another length than their rows say, and elements of two chains.

    Parameters
    ----------
    heads : first element by row; means nothing where the length is 0.
    tails : last element by row.
    lengths : by row.
    links : next element by element, negative for none.
    n : elements in use.
    most : length at most.
    """
    if ((lengths < 0) | (lengths > most)).any():
        raise ValueError("a chain of impossible length")
    at, last, seen = heads[lengths > 0], tails[lengths > 0], []
    left = lengths[lengths > 0].copy()
    while len(at):
        if ((at < 0) | (at >= n)).any():
            raise ValueError("a chain leads out of its pool")
        seen.append(at)
        left -= 1
        is_last = left == 0
        if (at[is_last] != last[is_last]).any() or (links[at[is_last]] >= 0).any():
            raise ValueError("a chain does not end where it should")
        at, last, left = links[at[~is_last]], last[~is_last], left[~is_last]
    elements = np.concatenate(seen) if seen else np.zeros(0, np.int64)
    if len(elements) != len(np.unique(elements)):
        raise ValueError("an element of two chains")
