# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

import polars as pl
import pytest

from minewatch import gate
from minewatch.datasets.labelling import INSPECTION, InspectionOptions, inspect_capture
from minewatch.errors import SourceError
from minewatch.readers.source import Input
from packets import Frame as OneFrame
from packets import ether, ipv4, udp
from runs import (
    POOL,
    TLS_POOL,
    VISITOR,
    WEB_1,
    conversation,
    cryptonote,
    redis,
    tls,
    web,
    write_capture,
)

DEMO = Path(__file__).parents[2] / "src" / "minewatch" / "lab" / "demo.pcap"


def inspect(path):
    report, pieces = inspect_capture(Input(path.name, str(path), None), InspectionOptions())
    pieces = list(pieces)
    return report, pieces, pl.concat([piece.frame for piece in pieces])


def by_port(frame):
    return {row["source_transport_port"]: row for row in frame.iter_rows(named=True)}


def test_every_conversation_has_a_verdict_with_evidence(tmp_path):
    work = b'{"id":1,"method":"getblocktemplate","params":[]}'
    request = b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(work) + work
    chat = b'{"method":"say","params":["hello"]}\n'
    path = write_capture(
        tmp_path / "a.pcap",
        [
            *conversation(WEB_1, 1001, POOL, 3333, cryptonote()),
            *conversation(WEB_1, 1002, TLS_POOL, 443, tls()),
            *conversation(VISITOR, 1003, WEB_1, 80, web()),
            *conversation(WEB_1, 1004, VISITOR, 6379, redis()),
            *conversation(WEB_1, 1005, VISITOR, 9, []),
            *conversation(WEB_1, 1006, VISITOR, 8332, [(True, request)]),
            *conversation(WEB_1, 1007, VISITOR, 9000, [(True, chat), (False, chat)]),
            OneFrame(ether(ipv4(WEB_1, VISITOR, 17, udp(1008, 53, b"\0" * 12)))),
        ],
    )
    report, _, frame = inspect(path)
    rows = by_port(frame)
    assert {port: row["inspection"] for port, row in rows.items()} == {
        1001: "mining",
        1002: "encrypted",
        1003: "normal",
        1004: "normal",
        1005: "normal",
        1006: "unclear",
        1007: "normal",
        1008: "normal",
    }
    assert rows[1001]["stratum_dialect"] == "cryptonote"
    texts = {port: row["inspection_evidence"] for port, row in rows.items()}
    assert "by XMRig/6.22.0, answered with a job (rx/0)" in texts[1001]
    assert texts[1002].endswith("what follows is encrypted.")
    assert texts[1003] == "HTTP without a call in JSON."
    assert texts[1004].startswith("Payload that begins like no mining protocol")
    assert texts[1005] == "No payload."
    assert texts[1006].startswith("Work was asked of a node")
    assert texts[1007].startswith("JSON was read in the clear")
    assert texts[1008] == "DNS."
    assert (report.scored, report.mining, report.failures) == (8, 1, {})


def test_what_the_gate_would_stop_is_inspected_too(tmp_path):
    path = write_capture(tmp_path / "a.pcap", conversation(WEB_1, 1002, TLS_POOL, 443, tls()[:2]))
    _, (piece,), frame = inspect(path)
    assert frame.select(gate.gate_reason()).item() == gate.TOO_FEW_MESSAGES
    assert frame["inspection"].to_list() == ["encrypted"]
    assert len(piece.packets[1].time_ns) == 2


def test_the_shipped_capture():
    _, _, frame = inspect(DEMO)
    mining = frame.filter(pl.col("inspection") == "mining")
    assert mining["stratum_dialect"].to_list() == ["cryptonote"]
    assert frame.filter(destination_transport_port=443)["inspection"].unique().to_list() == [
        "encrypted"
    ]
    assert frame.select(c.name for c in INSPECTION).null_count().row(0) == (0, 0)
    assert dict(frame["inspection"].value_counts().iter_rows()) == {
        "mining": 1,
        "encrypted": 5,
        "normal": 28,
    }


class Broken:
    """A decoder that raises."""

    name = "broken"
    kinds = 255
    columns = ()

    def decode(self, payload):
        raise ZeroDivisionError


def test_a_decoder_that_fails_is_reported():
    options = InspectionOptions(decoders=(*InspectionOptions().decoders, Broken()))
    report, pieces = inspect_capture(Input("demo", str(DEMO), None), options)
    assert sum(len(piece) for piece in pieces) == 34
    assert "ZeroDivisionError" in report.failures["broken"]


def test_no_capture(tmp_path):
    (tmp_path / "a.pcap").write_bytes(b"no capture at all, surely")
    with pytest.raises(SourceError, match="not a capture"):
        inspect(tmp_path / "a.pcap")
