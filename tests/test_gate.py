# SPDX-License-Identifier: Apache-2.0
import pytest

from minewatch import gate, schema
from minewatch.testing import conversations

NS = 1_000_000_000
START = 1_600_000_000 * NS


def reason(**columns):
    return conversations(**columns).frame.select(gate.gate_reason()).item()


def lasting(seconds):
    return {"flow_start_nanoseconds": START, "flow_end_nanoseconds": START + int(seconds * NS)}


def test_an_ordinary_conversation_passes():
    assert reason() == gate.PASSED


@pytest.mark.parametrize(
    ("columns", "wanted"),
    [
        ({"protocol_identifier": 17}, gate.NOT_TCP),
        ({"payload_packet_count": 0}, gate.ONE_WAY),
        ({"reverse_payload_packet_count": 0}, gate.ONE_WAY),
        ({"payload_packet_count": 4, "reverse_payload_packet_count": 1}, gate.TOO_FEW_MESSAGES),
        (lasting(29.9), gate.TOO_SHORT),
        ({"reverse_payload_octet_count": 100_000_000}, gate.BULK_TRANSFER),
    ],
)
def test_each_reason(columns, wanted):
    assert reason(**columns) == wanted


@pytest.mark.parametrize(
    "columns",
    [
        {"payload_packet_count": 5, "reverse_payload_packet_count": 1},
        lasting(30),
        # 1 MiB and more, but over ten minutes at less than 256 kbit/s.
        {"payload_octet_count": 0, "reverse_payload_octet_count": 19_000_000},
        # Fast, but short of 1 MiB.
        {"reverse_payload_octet_count": 1_000_000, **lasting(30)},
    ],
)
def test_each_limit_lets_what_lies_on_its_other_side_pass(columns):
    assert reason(**columns) == gate.PASSED


@pytest.mark.parametrize(
    "kind",
    [schema.KIND_JSON, schema.KIND_WEBSOCKET, schema.KIND_JSON_RPC, schema.KIND_NOISE],
)
def test_what_may_be_plaintext_mining_always_passes(kind):
    columns = {"payload_packet_count": 1, "reverse_payload_packet_count": 0, **lasting(0)}
    assert reason(**columns) == gate.ONE_WAY
    assert reason(payload_kinds=kind, **columns) == gate.PASSED


def test_but_not_over_udp():
    assert reason(payload_kinds=schema.KIND_JSON, protocol_identifier=17) == gate.NOT_TCP


def test_every_reason_is_explained():
    named = {
        gate.PASSED,
        gate.NOT_TCP,
        gate.ONE_WAY,
        gate.TOO_FEW_MESSAGES,
        gate.TOO_SHORT,
        gate.BULK_TRANSFER,
    }
    assert set(gate.REASONS) == named
