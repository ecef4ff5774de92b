# SPDX-License-Identifier: Apache-2.0
"""TCP conversations as packets, exactly as a capture at the home side sees them.

What the home side sends is seen when it leaves; what the far side sends, when it arrives. So the
far side's answer to a packet is seen one round trip after it, and its acknowledgements cover what
was seen a round trip earlier.

Not modelled: selective acknowledgement, tail loss probes, reordering, and segments that the network
card joins or cuts.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final

import numpy as np

from minewatch.lab.simulator.acknowledgements import pure_acknowledgements
from minewatch.lab.simulator.draws import Purpose, bits
from minewatch.lab.simulator.groups import positions
from minewatch.lab.simulator.keepalive import probes
from minewatch.lab.simulator.numbers import Streams, initial_numbers, timestamps, windows
from minewatch.lab.simulator.packets import (
    FLAG_ACK,
    FLAG_FIN,
    FLAG_PSH,
    FLAG_RST,
    FLAG_SYN,
    Packets,
    hosts,
)
from minewatch.lab.simulator.placing import Placed, place
from minewatch.lab.simulator.repeats import repeats
from minewatch.lab.simulator.routes import Routes
from minewatch.lab.simulator.script import (
    CLOSE_NONE,
    REFUSED,
    BoolArray,
    ByteArray,
    IntArray,
    Script,
)
from minewatch.lab.simulator.units import DATA

NEXT: Final = -1
"""Sequence number of a packet without data: the next one."""
PROBE: Final = -2
"""Of a keep-alive probe: one less."""

_KIND_FLAGS: Final = np.array(
    [
        FLAG_SYN,
        FLAG_SYN | FLAG_ACK,
        FLAG_ACK,
        FLAG_FIN | FLAG_ACK,
        FLAG_FIN | FLAG_ACK,
        FLAG_RST | FLAG_ACK,
    ],
    np.uint8,
)


@dataclass(slots=True)
class _Drafts:
    """Packets whose acknowledgement numbers are not known yet."""

    conversation: IntArray
    is_reply: BoolArray
    time_ns: IntArray
    flags: ByteArray
    octets: IntArray
    message: IntArray
    offset: IntArray
    number: IntArray
    """Sequence number from 0, ``NEXT`` or ``PROBE``."""
    is_retransmission: BoolArray
    is_needed: BoolArray
    """False for an acknowledgement that is not sent if it acknowledges nothing new."""
    arrives: BoolArray

    def take(self, rows: IntArray | BoolArray) -> _Drafts:
        return _Drafts(*(getattr(self, field.name)[rows] for field in fields(self)))


def packetize(script: Script, routes: Routes, seed: int) -> Packets:
    """Return the packets of a script's TCP conversations.

    Parameters
    ----------
    script : what is said.
    routes : of its conversations.
    seed : of the whole run.

    Raises
    ------
    ValueError : the script contradicts itself.
    """
    placed = place(script, routes)
    streams, number = placed.streams()
    carriers = _carriers(placed, number)
    drafts = _joined(
        [carriers, _acknowledgements(placed, routes), *_repeats(placed, routes, number)]
    )
    drafts = _joined([drafts, _keepalive(drafts, placed, routes)])
    return _numbered(drafts, streams, script, routes, seed, placed)


def _carriers(placed: Placed, number: IntArray) -> _Drafts:
    """Return what takes up sequence numbers, and RST."""
    sent = placed.fate.transmissions
    row = sent.segment
    is_data = placed.kind[row] == DATA
    push = np.where(is_data & placed.is_last[row], FLAG_PSH, 0).astype(np.uint8)
    return _Drafts(
        conversation=placed.conversation[row],
        is_reply=placed.is_reply[row],
        time_ns=placed.start_ns[row] + sent.delay_ns,
        flags=_KIND_FLAGS[placed.kind[row]] | push,
        octets=placed.segments.octets[row],
        message=placed.message[row],
        offset=placed.offset[row],
        number=number[row],
        is_retransmission=sent.is_retransmission,
        is_needed=np.ones(len(row), np.bool_),
        arrives=sent.arrives,
    )


def _bare(
    conversation: IntArray,
    is_reply: BoolArray,
    time_ns: IntArray,
    number: int,
    is_needed: BoolArray,
) -> _Drafts:
    """Return packets of nothing but an acknowledgement."""
    n = len(conversation)
    nothing = np.zeros(n, np.int64)
    return _Drafts(
        conversation,
        is_reply,
        time_ns,
        np.full(n, FLAG_ACK, np.uint8),
        nothing,
        nothing - 1,
        nothing,
        nothing + number,
        np.zeros(n, np.bool_),
        is_needed,
        np.ones(n, np.bool_),
    )


def _acknowledgements(placed: Placed, routes: Routes) -> _Drafts:
    found = pure_acknowledgements(
        placed.arriving(routes.close),
        placed.sends(),
        placed.answers(),
        routes,
        placed.timeline,
    )
    drafts = _bare(found.conversation, found.is_reply, found.time_ns, NEXT, found.is_duplicate)
    return drafts.take(drafts.time_ns < placed.reset_time(len(routes))[drafts.conversation])


def _repeats(placed: Placed, routes: Routes, number: IntArray) -> list[_Drafts]:
    """Return what is sent again though it arrived, and the acknowledgements of that."""
    found = repeats(placed, routes)
    row, yes = found.segment, np.ones(len(found.segment), np.bool_)
    conversation, is_reply = placed.conversation[row], placed.is_reply[row]
    again = _bare(conversation, is_reply, found.time_ns, NEXT, yes)
    again.flags = np.full(len(row), FLAG_ACK | FLAG_PSH, np.uint8)
    again.octets, again.message = placed.segments.octets[row], placed.message[row]
    again.offset, again.number, again.is_retransmission = placed.offset[row], number[row], yes
    return [again, _bare(conversation, ~is_reply, found.answer_ns, NEXT, yes)]


def _keepalive(drafts: _Drafts, placed: Placed, routes: Routes) -> _Drafts:
    begun = placed.established_ns(len(routes))
    rows = np.flatnonzero(drafts.time_ns >= begun[drafts.conversation])
    rows = rows[np.lexsort((drafts.time_ns[rows], drafts.conversation[rows]))]
    open_until = np.where(routes.close == CLOSE_NONE, routes.end_ns, -1)
    found = probes(drafts.conversation[rows], drafts.time_ns[rows], routes, open_until)
    n = len(found.conversation)
    needed = np.ones(n, np.bool_)
    asking = _bare(found.conversation, ~needed, found.probe_ns, PROBE, needed)
    return _joined([asking, _bare(found.conversation, needed, found.answer_ns, NEXT, needed)])


def _joined(parts: list[_Drafts]) -> _Drafts:
    return _Drafts(
        *(np.concatenate([getattr(p, field.name) for p in parts]) for field in fields(_Drafts))
    )


def _numbered(
    drafts: _Drafts,
    streams: Streams,
    script: Script,
    routes: Routes,
    seed: int,
    placed: Placed,
) -> Packets:
    """Return drafts as packets, without the acknowledgements that nobody needs."""
    timeline = placed.timeline
    key = timeline.key(drafts.conversation, drafts.is_reply, drafts.time_ns)
    drafts = drafts.take(np.argsort(key, kind="stable"))
    acknowledged = streams.acknowledged(drafts.conversation, drafts.is_reply, drafts.time_ns)
    group = 2 * drafts.conversation + drafts.is_reply
    says_more = np.ones(len(group), np.bool_)
    says_more[1:] = (acknowledged[1:] != acknowledged[:-1]) | (group[1:] != group[:-1])
    kept = np.flatnonzero(drafts.is_needed | says_more)
    drafts, acknowledged, group = drafts.take(kept), acknowledged[kept], group[kept]

    conversation, is_reply = drafts.conversation, drafts.is_reply
    side = is_reply.astype(np.int64)
    following = streams.next_number(conversation, is_reply, drafts.time_ns)
    number = np.where(drafts.number >= 0, drafts.number, following - (drafts.number == PROBE))
    first = initial_numbers(routes)
    seq = first[conversation, side] + number.astype(np.uint32)
    ack = first[conversation, 1 - side] + acknowledged.astype(np.uint32)
    is_first_syn = drafts.flags == FLAG_SYN
    is_rst = (drafts.flags & FLAG_RST) > 0
    is_refusal = is_rst & (routes.close[conversation] == REFUSED)
    ends = hosts(script.conversations, routes.key, seed)
    window = windows(
        acknowledged,
        (drafts.flags & FLAG_SYN) > 0,
        ends.syn_window[conversation, side],
        ends.scale[conversation, side],
    )
    where = (conversation, is_reply)
    tsval, tsecr = timestamps(where, drafts.time_ns, drafts.arrives, routes, ends, timeline)
    return Packets(
        time_ns=routes.start_ns[conversation] + drafts.time_ns,
        conversation=conversation,
        is_reply=is_reply,
        is_udp=np.zeros(len(group), np.bool_),
        flags=drafts.flags,
        seq=np.where(is_refusal, np.uint32(0), seq),
        ack=np.where(is_first_syn, np.uint32(0), ack),
        payload_octets=drafts.octets,
        message=drafts.message,
        offset=drafts.offset,
        window=np.where(is_rst, np.uint16(0), window),
        has_timestamps=routes.has_timestamps[conversation] & ~is_refusal,
        tsval=tsval,
        tsecr=tsecr,
        ttl=ends.ttl[conversation, side],
        identification=_identification(group, routes, drafts.flags),
        is_retransmission=drafts.is_retransmission,
    )


def _identification(
    group: IntArray, routes: Routes, flags: ByteArray
) -> np.ndarray[tuple[int, ...], np.dtype[np.uint16]]:
    """Return IP identifications: from a random start upwards, 0 for a SYN-ACK, as Linux does."""
    start = bits(routes.key[group // 2], Purpose.IDENTIFICATION, group % 2)
    count = (start.astype(np.int64) + positions(group)) & 0xFFFF
    is_syn_ack = flags == FLAG_SYN | FLAG_ACK
    return np.where(is_syn_ack, 0, count).astype(np.uint16)
