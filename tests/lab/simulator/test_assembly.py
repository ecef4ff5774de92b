# SPDX-License-Identifier: Apache-2.0
import numpy as np

from minewatch.lab.simulator.assembly import Piece, assemble
from minewatch.lab.simulator.paths import draw_paths
from minewatch.lab.simulator.script import TCP, UDP
from minewatch.lab.simulator.talk import Talk
from minewatch.lab.simulator.world import Ends
from part_check import START_S, said, script_said


def piece(protocol: int, text: bytes, starts: list[float], port: int) -> Piece:
    rng = np.random.default_rng(port)
    paths = draw_paths(rng, START_S + np.array(starts), "cloud", is_initiator_home=True)
    talk = Talk(paths, protocol)
    rows = np.arange(len(starts))
    talk.exchange(rows, None, 100 + rows, request_text=talk.texts.add(text))
    ports = np.full(len(starts), port, np.uint16)
    addresses = np.full(len(starts), 7, np.uint32)
    return Piece(
        protocol,
        Ends(addresses, ports + rows.astype(np.uint16), addresses, ports),
        paths,
        talk.finish(),
    )


def test_parts_are_merged_by_start_and_keep_what_they_say():
    pieces = [
        piece(TCP, b"first", [5.0, 1.0], 1000),
        piece(UDP, b"second part", [3.0, 0.0, 9.0], 2000),
    ]
    script, order = assemble(pieces)
    conversations = script.conversations
    assert order.tolist() == [3, 1, 2, 0, 4]
    assert (conversations.start_s - START_S).tolist() == [0.0, 1.0, 3.0, 5.0, 9.0]
    assert conversations.protocol.tolist() == [UDP, TCP, UDP, TCP, UDP]
    assert conversations.initiator_port.tolist() == [2001, 1001, 2000, 1000, 2002]
    assert (np.diff(script.messages.conversation) >= 0).all()
    for row, joined in enumerate(order.tolist()):
        of, at = (pieces[0], joined) if joined < 2 else (pieces[1], joined - 2)
        assert script_said(script, row) == said(of.part, at)
    kinds = {name: str(getattr(conversations, name).dtype) for name in ("mss", "close", "protocol")}
    assert kinds == {"mss": "uint16", "close": "uint8", "protocol": "uint8"}
