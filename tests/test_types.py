# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from minewatch import types
from minewatch.testing import conversations


def test_a_batch_holds_what_its_constants_say():
    batch = types.PacketBatch()
    assert batch.columns.shape == (types.BATCH_PACKETS, types.PACKET_WORDS)
    assert batch.data.shape == (types.BATCH_MARGIN + types.BATCH_OCTETS,)
    assert batch.n_packets == 0


def test_a_block_of_the_shortest_records_fits_the_rows_of_a_batch():
    # One more may have begun in the block before.
    assert types.BATCH_OCTETS // 16 + 1 <= types.BATCH_PACKETS


def test_packet_words_are_all_different():
    words = [value for name, value in vars(types).items() if name.startswith("P_")]
    assert sorted(words) == list(range(types.PACKET_WORDS))


def test_filter_keeps_rows_and_shares_side_tables():
    given = conversations(3, packet_delta_count=[1, 2, 3])
    kept = given.filter(np.array([True, False, True]))
    assert kept.frame.get_column("packet_delta_count").to_list() == [1, 3]
    assert kept.payloads is given.payloads
    assert len(kept) == 2


def test_a_feature_is_found_by_name():
    matrix = types.FeatureMatrix(np.array([[1, 2]], np.float32), ("a", "b"), ("s", "1"))
    assert matrix.column("b").tolist() == [2.0]
    with pytest.raises(ValueError, match="not in tuple"):
        matrix.column("c")
