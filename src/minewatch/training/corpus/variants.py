# SPDX-License-Identifier: Apache-2.0
"""Conversations as they might have been: domain randomisation for training.

Normal and mining conversations are varied alike, so that a variation tells nothing of the label.

* *thinned*: some of what the client says unasked is left out, with its answers, as if its machine
  were slower or the pool's shares harder;
* *shifted*: every message is longer by a constant, as in TLS or another tunnel, however many
  packets carry it;
* *padded*: messages are filled up to multiples of a size;
* *paced*: all of it is faster or slower by up to eight times;
* *late*: its beginning was not captured, so that nobody knows who opened it.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl

from minewatch.features.direction import forward_is_sent
from minewatch.features.exchange import ANSWER_S
from minewatch.features.series import ONE_WRITE_S
from minewatch.training.corpus import tables
from minewatch.training.corpus.stored import Corpus
from minewatch.training.corpus.views import as_counted
from minewatch.types import FloatArray

_NS: Final = 1_000_000_000
_KEPT_OPENING: Final = 2
"""Exchanges at the beginning that stay: a login, a handshake."""
_SHIFTS: Final = (0, 22, 29, 48)
"""Octets a message: none, TLS 1.3, TLS 1.2 with GCM, SSH."""
_MULTIPLES: Final = (1, 1, 1, 1, 1, 16, 64, 256)
_PACE: Final = float(np.log(8.0))
_LATE: Final = 0.3
"""Share of conversations whose beginning is left out."""


def varied(corpus: Corpus, seed: int) -> Corpus:
    """Return a copy of a corpus with every conversation varied at random.

    Parameters
    ----------
    corpus : conversations of which all packets are known; others are left out.
    seed : of the draws.
    """
    rng = np.random.default_rng(seed)
    known = corpus.conversations.filter(pl.col("is_kept") & ~pl.col("is_first_only"))
    n = known.height
    draws = known.select("conversation", forward=pl.Series(forward_is_sent(known))).with_columns(
        share=pl.Series(_shares_left_out(rng, n)),
        pace=pl.Series(np.exp(rng.uniform(-_PACE, _PACE, n))),
        shift=pl.Series(rng.choice(_SHIFTS, n)).cast(pl.Int32),
        multiple=pl.Series(rng.choice(_MULTIPLES, n)).cast(pl.Int32),
    )
    duration = (known["flow_end_nanoseconds"] - known["flow_start_nanoseconds"]).to_numpy()
    late = np.where(rng.random(n) < _LATE, rng.uniform(0, 0.5, n) * duration, 0)
    draws = draws.with_columns(late=pl.Series(late).cast(pl.Int64))
    packets = corpus.packets.join(draws, on="conversation", maintain_order="left")
    packets = _lengthened(_thinned(packets, rng).filter(pl.col("offset_ns") >= pl.col("late")))
    first = pl.col("offset_ns").first().over("conversation")
    packets = packets.with_columns(
        offset_ns=((pl.col("offset_ns") - first) * pl.col("pace")).cast(pl.Int64),
    ).select(pl.col(name).cast(dtype) for name, dtype in tables.PACKET.items())
    empty = corpus.decoded.clear()
    is_late = pl.Series(late > 0)
    known = known.with_columns(
        is_initiator_known=pl.col("is_initiator_known") & ~is_late,
    )
    return Corpus(as_counted(known, packets), packets, empty, corpus.unreadable)


def _shares_left_out(rng: np.random.Generator, n: int) -> FloatArray:
    """How much of what each client says unasked is left out: nothing, all, or most of it."""
    kind = rng.random(n)
    some = rng.beta(2.0, 1.0, n)
    return np.where(kind < 0.35, 0.0, np.where(kind < 0.5, 1.0, some))


def _talking(packets: pl.DataFrame) -> pl.DataFrame:
    """Payload packets with their ``row``, seconds since the one before, and change of speaker."""
    seconds = pl.col("offset_ns").diff().over("conversation") / _NS
    speaker = pl.col("from_initiator")
    return (
        packets.with_row_index("row")
        .filter(pl.col("payload_octets") > 0)
        .with_columns(gap_s=seconds, turned=(speaker != speaker.shift()).over("conversation"))
    )


_SAME_MESSAGE: Final = ~pl.col("turned") & (pl.col("gap_s") <= ONE_WRITE_S)
_ANSWERS: Final = pl.col("turned") & (pl.col("gap_s") <= ANSWER_S)


def _lengthened(packets: pl.DataFrame) -> pl.DataFrame:
    """Shift and pad every message; its last packet carries what is added."""
    talking = _talking(packets).with_columns(
        message=(~_SAME_MESSAGE.fill_null(value=False)).cum_sum()
    )
    total = pl.col("payload_octets").sum().over("message")
    size = total + pl.col("shift")
    wanted = (size + pl.col("multiple") - 1) // pl.col("multiple") * pl.col("multiple")
    is_last = pl.col("message") != pl.col("message").shift(-1, fill_value=0)
    more = talking.select("row", more=pl.when(is_last).then(wanted - total).otherwise(0))
    added = pl.col("more").fill_null(0)
    return (
        packets.with_row_index("row")
        .join(more, on="row", how="left", maintain_order="left")
        .with_columns(pl.col("payload_octets") + added, pl.col("octets") + added)
    )


def _thinned(packets: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """Leave out exchanges that the client began, each with its conversation's probability."""
    follows = (_SAME_MESSAGE | _ANSWERS).fill_null(value=False)
    talking = (
        _talking(packets)
        .with_columns(begins=~follows)
        .with_columns(
            exchange=pl.col("begins").cum_sum().over("conversation"),
        )
    )
    first = talking.filter("begins").with_columns(
        chance=pl.Series(rng.random(int(talking["begins"].sum())))
    )
    gone = first.filter(
        (pl.col("from_initiator") == pl.col("forward"))
        & (pl.col("exchange") > _KEPT_OPENING)
        & (pl.col("chance") < pl.col("share"))
    ).select("conversation", "exchange", is_gone=pl.lit(value=True))
    marked = (
        packets.with_row_index("row")
        .join(talking.select("row", "exchange"), on="row", how="left", maintain_order="left")
        .with_columns(exchange=pl.col("exchange").forward_fill().over("conversation"))
        .join(gone, on=["conversation", "exchange"], how="left", maintain_order="left")
    )
    return marked.filter(pl.col("is_gone").is_null()).select(packets.columns)
