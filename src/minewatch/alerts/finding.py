# SPDX-License-Identifier: Apache-2.0
"""What is known of one conversation that is, or was, labelled mining."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple, TypeAlias

from minewatch.types import Evidence, Verdict

Pair: TypeAlias = tuple[str, str, int, int]
"""What an alert is about: host, pool, port of the server, protocol."""


class Recent(NamedTuple):
    """What an alert names of a conversation; the latest sort last."""

    end_ns: int
    start_ns: int
    community_id: str
    """Empty where the protocol has none."""
    allowed_by: str
    """Empty if nothing allows it."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One conversation as it was judged last.

    Parameters
    ----------
    flow_id : of the conversation, over its whole life.
    has_ended : it will have no more packets.
    is_final : this is the last word on it: it was judged together with what ended about then.
    is_mining : it is labelled so.
    host : address of the watched side.
    pool : address of the other side.
    pool_port : port of the other side.
    server_port : port of the side that was called, by which conversations are told apart: where the
        pool calls, its own port is a new one each time. The pool's where nobody saw who called.
    protocol_identifier : IP protocol number.
    probability : fused.
    start_ns : first packet.
    end_ns : last packet so far.
    community_id : None where the protocol has none.
    kinds : what carried the verdict, the strongest first: payload, list, together, clock, shape.
    has_proof : a mining session was read in the clear.
    detectors : probability of each, None where it was not ready.
    evidence : the strongest first.
    pool_name : from DNS or TLS.
    identity : what is mined, as far as it is known.
    tags : what the user calls the host or the pool.
    allowed_by : the allowance that it meets.
    disproof : what would show that it is not mining.
    """

    flow_id: int
    has_ended: bool
    is_final: bool
    is_mining: bool
    host: str
    pool: str
    pool_port: int
    server_port: int
    protocol_identifier: int
    probability: float
    start_ns: int
    end_ns: int
    community_id: str | None = None
    kinds: tuple[str, ...] = ()
    has_proof: bool = False
    detectors: Mapping[str, float | None] = field(default_factory=dict)
    evidence: tuple[Evidence, ...] = ()
    pool_name: str | None = None
    identity: Mapping[str, str | None] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    allowed_by: str | None = None
    disproof: tuple[str, ...] = ()

    @property
    def pair(self) -> Pair:
        """Return what it is grouped by."""
        return (self.host, self.pool, self.server_port, self.protocol_identifier)

    @property
    def strength(self) -> tuple[float, int, str]:
        """Return what sorts findings, the one that an alert shows last; no two are the same."""
        return (self.probability, -self.start_ns, self.community_id or "")

    @property
    def recency(self) -> Recent:
        """Return what is kept of it when it is over."""
        return Recent(self.end_ns, self.start_ns, self.community_id or "", self.allowed_by or "")

    def against(self, verdict: Verdict, *, has_ended: bool, is_final: bool) -> Finding:
        """Return it as one that is no mining, because the gate stopped it.

        Parameters
        ----------
        verdict : on it, with the reason as its evidence.
        has_ended : it will have no more packets.
        is_final : this is the last word on it.
        """
        return replace(
            self,
            is_mining=False,
            has_ended=has_ended,
            is_final=is_final,
            probability=verdict.mining_probability,
            kinds=(),
            has_proof=False,
            detectors=verdict.detectors,
            evidence=tuple(verdict.evidence),
            disproof=(),
        )

    def without_text(self) -> Finding:
        """Return it without what takes most memory."""
        return replace(self, evidence=(), disproof=(), detectors={}, identity={})
