# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from minewatch import schema
from minewatch.metering import state
from minewatch.metering.state import MeteringOptions, Pools, grown, new_pools


@pytest.mark.parametrize("name", ["interval_s", "idle_timeout_s", "conversation_timeout_s"])
@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf"), 86_400 * 366])
def test_times_that_make_no_sense_are_refused(name, value):
    with pytest.raises(ValueError, match=f"{name} must be above 0 s"):
        MeteringOptions(**{name: value})


@pytest.mark.parametrize("value", [-1, float("nan")])
def test_a_linger_that_makes_no_sense_is_refused(value):
    with pytest.raises(ValueError, match="closed_linger_s"):
        MeteringOptions(closed_linger_s=value)
    assert MeteringOptions(closed_linger_s=0).closed_linger_s == 0


def test_too_few_biflows_are_refused():
    with pytest.raises(ValueError, match="max_biflows must be 1024 or more, not 1023"):
        MeteringOptions(max_biflows=1023)


def test_records_have_the_columns_of_the_schema():
    assert set(state.RECORD_COLUMNS) == {column.name for column in schema.FLOW}
    assert len(set(state.RECORD_COLUMNS)) == state.RECORD_WORDS


def test_words_of_a_row_do_not_overlap():
    names = "A_HIGH A_LOW B_HIGH B_LOW KEY_TAIL STATUS LAST_NS INTERVAL_END".split()
    names += "FLOW_ID START_NS FIRST_NS HASH VLAN ICMP SYN_SEQUENCE".split()
    names += "SERIES_COUNT SERIES_HEAD SERIES_TAIL LATEST_BLOCK".split()
    names += "PAYLOAD_HEAD PAYLOAD_TAIL PAYLOAD_BLOCKS KINDS".split()
    words = [getattr(state, name) for name in names]
    words += range(state.SIDE_A, state.SIDE_A + 8)
    words += range(state.SIDE_B, state.SIDE_B + 8)
    assert len(set(words)) == len(words)
    assert max(words) < state.ROW_WORDS


def test_bits_of_the_status_do_not_overlap():
    names = "INITIATOR_B INITIATOR_KNOWN FIN_A FIN_B CLOSED PAYLOAD_A PAYLOAD_B SYN_SEEN ENDED CUT"
    bits = [getattr(state, name) for name in names.split()]
    assert sum(bits) == (1 << len(bits)) - 1
    assert state.FREE < 0


@pytest.mark.parametrize("max_biflows", [1024, 5000, 4_000_000])
def test_pools_fit_together(max_biflows):
    pools = new_pools(MeteringOptions(max_biflows=max_biflows))
    assert len(pools.rows) <= max_biflows
    assert len(pools.index) & (len(pools.index) - 1) == 0
    assert len(pools.index) >= 2 * len(pools.rows)
    for many, free in [
        ("rows", "free_rows"),
        ("series", "free_series"),
        ("latest", "free_latest"),
        ("heads", "free_blocks"),
        ("blocks", "free_blocks"),
    ]:
        assert len(getattr(pools, many)) == len(getattr(pools, free))
    assert isinstance(pools, Pools)


def test_without_side_data_the_pools_are_small():
    pools = new_pools(MeteringOptions(keep_packets=False))
    for name in ("series", "latest", "heads", "blocks", "dns", "dns_records"):
        assert len(getattr(pools, name)) == 1


def test_the_limit_of_payload_is_kept():
    pools = new_pools(MeteringOptions(payload_limit_octets=1 << 20))
    assert pools.blocks.nbytes <= 1 << 20
    assert len(new_pools(MeteringOptions(payload_limit_octets=0)).blocks) == 1


def test_grown():
    array = np.arange(6).reshape(3, 2)
    wider = grown(array, 5)
    assert wider.tolist() == [[0, 1], [2, 3], [4, 5], [0, 0], [0, 0]]
    assert wider.dtype == array.dtype
