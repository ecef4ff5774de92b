# SPDX-License-Identifier: Apache-2.0
import numpy as np
import polars as pl

from minewatch.capabilities.example import LASTS_S, MINERS, MOMENTS_S, example
from minewatch.training.corpus import tables
from minewatch.training.corpus.tables import WHOLE

CORPUS = example()


def test_the_tables_are_those_of_a_corpus():
    assert dict(CORPUS.conversations.schema) == tables.LABELLED
    assert dict(CORPUS.packets.schema) == tables.PACKET
    assert dict(CORPUS.decoded.schema) == tables.AT


def test_counts_are_those_of_the_packets():
    sent = CORPUS.packets.filter("from_initiator").group_by("conversation").len()
    counted = CORPUS.conversations.join(sent, on="conversation")
    assert (counted["packet_delta_count"] == counted["len"]).all()
    lasts = CORPUS.conversations.select(
        pl.col("flow_end_nanoseconds") - pl.col("flow_start_nanoseconds")
    ).to_series()
    assert (lasts > 0.99 * LASTS_S * 10**9).all()
    assert max(MOMENTS_S) < LASTS_S


def test_the_pool_speaks_to_all_miners_at_the_same_moments():
    pushes = CORPUS.packets.filter(~pl.col("from_initiator"), pl.col("payload_octets") >= 378)
    times = [
        part["offset_ns"].to_numpy() / 1e9
        for _, part in pushes.group_by("conversation", maintain_order=True)
    ]
    assert len(times) == MINERS
    for other in times[1:]:
        assert len(other) == len(times[0])
        assert np.abs(other - times[0]).max() < 0.21


def test_the_decoder_read_the_login_at_every_moment():
    read = CORPUS.decoded
    assert read.height == MINERS * len(MOMENTS_S)
    assert set(read["stratum_dialect"]) == {"cryptonote"}
    assert WHOLE in set(read["horizon_s"])


def test_it_is_the_same_each_time():
    assert example().packets.equals(CORPUS.packets)
