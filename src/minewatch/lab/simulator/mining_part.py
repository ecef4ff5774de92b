# SPDX-License-Identifier: Apache-2.0
"""Mining conversations as columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address
from random import Random

import numpy as np

from minewatch.lab.dialects.contract import Dialect
from minewatch.lab.plan import Pool
from minewatch.lab.simulator.circumstances import CIRCUMSTANCES, Circumstances
from minewatch.lab.simulator.engagements import Engagement
from minewatch.lab.simulator.laws import Rng
from minewatch.lab.simulator.mining import Terms, converse
from minewatch.lab.simulator.mining_wire import (
    VERSIONS,
    Wire,
    begin_socks,
    begin_ssh,
    begin_tls,
    carry,
)
from minewatch.lab.simulator.paths import Paths
from minewatch.lab.simulator.pool_clock import PoolClock
from minewatch.lab.simulator.script import (
    CLOSE_INITIATOR,
    CLOSE_NONE,
    CLOSE_RESPONDER,
    FILL_RANDOM,
    RESET_INITIATOR,
)
from minewatch.lab.simulator.settings import Settings
from minewatch.lab.simulator.talk import Part
from minewatch.lab.simulator.tls_records import PLAIN
from minewatch.lab.simulator.ventures import Place, Venture
from minewatch.lab.simulator.world import LINUX_PORTS, Ends, World

PROBE_LATE = 0.04
"""Probes are late by up to this share: of miners that ask for 60 s they came after 60 to 62."""

_STRIDE = 8_191
"""Between two client ports of one miner: coprime to the number of Linux's ports."""


@dataclass(frozen=True, slots=True)
class Mining:
    """All there is to know about who mines."""

    settings: Settings
    seed: int
    ventures: list[Venture]
    dialects: Mapping[str, Dialect]

    @property
    def circumstances(self) -> Circumstances:
        """What the composition takes from real captures."""
        return CIRCUMSTANCES[self.settings.composition]


def make_part(mining: Mining, engagements: Sequence[Engagement]) -> tuple[Paths, Part]:
    """Return the paths and messages of mining conversations.

    Parameters
    ----------
    mining : who mines.
    engagements : the conversations.
    """
    wires, paths, closes, ends = [], [], [], []
    for engagement in engagements:
        venture = mining.ventures[engagement.venture]
        key = (engagement.venture, engagement.number)
        rng = np.random.default_rng([mining.seed, 2, *key])
        place = venture.places[engagement.place]
        path = _path(mining.circumstances, engagement, venture, place, rng)
        words = Random(f"{mining.seed} mining {key}")
        wires.append(_say(mining, engagement, path, rng, words))
        paths.append(path)
        is_cut = engagement.end_s >= mining.settings.horizon_s - 1e-6
        closing = [CLOSE_INITIATOR, RESET_INITIATOR, CLOSE_RESPONDER, CLOSE_NONE]
        closes.append(CLOSE_NONE if is_cut else rng.choice(closing, p=[0.45, 0.15, 0.35, 0.05]))
        # In a very short capture a handshake may take longer than there is time.
        last_s = engagement.start_s + wires[-1].time_s[-1]
        ends.append(max(engagement.end_s, last_s))
    return _joined_paths(paths), _joined(wires, closes, ends)


def _path(
    here: Circumstances, engagement: Engagement, venture: Venture, place: Place, rng: Rng
) -> Paths:
    """Return the network between a server and a pool: the same pool is as far away each time."""
    server = np.random.default_rng([venture.server, 77])
    rtt = place.rtt_s * float(np.exp(0.05 * rng.standard_normal()))
    return Paths(
        start_s=np.array([engagement.start_s]),
        is_initiator_home=np.array([True]),
        rtt_s=np.array([rtt]),
        jitter_s=rtt * here.parameter("jitter_share").draw(rng, 1),
        loss=here.parameter("loss_internet").draw(rng, 1),
        mss=here.parameter("mss_cloud").whole(server, 1),
        has_timestamps=np.array([venture.system.has_timestamps]),
        ack_delay_s=np.array([venture.system.ack_delay_s]),
        keepalive_s=np.array([venture.system.keepalive_s * (1 + PROBE_LATE * rng.random())]),
        rate=here.parameter("rate").draw(rng, 1),
    )


def _say(mining: Mining, engagement: Engagement, path: Paths, rng: Rng, words: Random) -> Wire:
    venture = mining.ventures[engagement.venture]
    place = venture.places[engagement.place]
    rtt_s, version = float(path.rtt_s[0]), VERSIONS[place.pool.transport]
    evasions = venture.miner.evasions
    wire = Wire(clock_s=rtt_s + 0.0003)
    if "ssh" in evasions:
        begin_ssh(wire, rtt_s, rng)
    elif "socks5" in evasions:
        begin_socks(wire, str(IPv4Address(place.real_address)), place.pool.port, rtt_s, rng)
    if version != PLAIN and "ssh" not in evasions:
        begin_tls(wire, version, place.certificates, rtt_s, rng)
    terms = Terms(
        miner=venture.miner,
        pool=place.pool,
        start_s=engagement.start_s + wire.clock_s,
        end_s=engagement.end_s,
        rtt_s=rtt_s,
        jitter_s=float(path.jitter_s[0]),
        processing_s=place.processing_s,
        push_delay_s=venture.push_delay_s,
        late_share=place.late_share,
        late_s=lambda: mining.circumstances.parameter("pool_late").one(rng),
        rate_sigma=venture.rate_sigma,
        miner_options=venture.options,
    )
    clock = _clock(
        place.pool, mining.settings.earliest_s, mining.settings.horizon_s, place.refresh_late_s
    )
    spoken = converse(terms, mining.dialects[venture.dialect], clock, words)
    carry(wire, spoken, engagement.start_s, version, in_ssh="ssh" in evasions)
    return wire


@lru_cache(maxsize=256)
def _clock(pool: Pool, start_s: float, end_s: float, late_s: float) -> PoolClock:
    return PoolClock(pool, start_s, end_s, late_s)


def _joined_paths(paths: list[Paths]) -> Paths:
    names = Paths.__dataclass_fields__
    return Paths(**{name: np.concatenate([getattr(p, name) for p in paths]) for name in names})


def _joined(wires: list[Wire], closes: list[int], ends: list[float]) -> Part:
    counts = np.array([len(wire.octets) for wire in wires], np.int64)
    octets = np.array([o for wire in wires for o in wire.octets], np.int64)
    lengths = np.array([len(c) for wire in wires for c in wire.content], np.int64)
    starts = np.concatenate(([0], np.cumsum(lengths)[:-1])) if len(lengths) else lengths
    blob = b"".join(b"".join(wire.content) for wire in wires)
    return Part(
        end_s=np.array(ends),
        close=np.array(closes, np.uint8),
        conversation=np.repeat(np.arange(len(wires)), counts),
        time_s=np.array([t for wire in wires for t in wire.time_s], np.float64),
        is_reply=np.array([r for wire in wires for r in wire.is_reply], np.bool_),
        octets=octets,
        content_start=starts,
        content_octets=lengths,
        fill=np.full(len(octets), FILL_RANDOM, np.uint8),
        blob=np.frombuffer(blob, np.uint8),
        late_s=np.array([late for wire in wires for late in wire.late_s], np.float64),
    )


def mining_ends(mining: Mining, world: World, engagements: Sequence[Engagement]) -> Ends:
    """Return both ends of mining conversations."""
    low, count = LINUX_PORTS
    ventures = [mining.ventures[e.venture] for e in engagements]
    places = [v.places[e.place] for v, e in zip(ventures, engagements, strict=True)]
    ports = [low + (e.venture * 977 + e.number * _STRIDE) % count for e in engagements]
    return Ends(
        initiator_address=world.servers[[v.server for v in ventures]].astype(np.uint32),
        initiator_port=np.array(ports, np.uint16),
        responder_address=np.array([p.address for p in places], np.uint32),
        responder_port=np.array([p.port for p in places], np.uint16),
    )
