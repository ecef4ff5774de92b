# SPDX-License-Identifier: Apache-2.0
"""From scored conversations to findings, and from the findings of a whole scan to its alerts."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

import numpy as np

from minewatch.address import text_of
from minewatch.alert import Alert
from minewatch.alerts.finding import Finding, Pair
from minewatch.alerts.grouping import grouped
from minewatch.allow.marking import ALLOWED
from minewatch.detectors.learnt import features_of
from minewatch.doubt.checks import TOGETHER, carriers, checks
from minewatch.features.rhythm import RhythmFeatures
from minewatch.output.community import community_ids
from minewatch.output.records import IDENTITY_NAMES, printable
from minewatch.scanning import MINING, ScannedChunk
from minewatch.types import BoolArray, Conversations, Evidence, Verdict

PROOF: Final = 0.95
"""Probability of ``signature`` from which on a session was read, and not only an attempt."""
MAX_NAME: Final = 253
MOST_EVIDENCE: Final = 32
_NAMES: Final = ("tls_sni", "destination_name")
_RHYTHM: Final = RhythmFeatures()


def findings_of(
    chunk: ScannedChunk, rows: BoolArray, has_ended: BoolArray, *, are_final: bool
) -> list[Finding]:
    """Return what was found of some conversations of a chunk.

    What would disprove it is worked out for the strongest of each host and pool only: it is the one
    that an alert shows.

    Parameters
    ----------
    chunk : scored.
    rows : which conversations, shape (n,).
    has_ended : which of all will have no more packets, shape (n,).
    are_final : this is the last word on them.
    """
    numbers = np.flatnonzero(rows).tolist()
    if not numbers:
        return []
    frame = chunk.conversations.frame[numbers]
    ids = community_ids(frame).to_list()
    found: list[Finding] = []
    strongest: dict[Pair, int] = {}
    values = list(frame.iter_rows(named=True))
    for at, number in enumerate(numbers):
        verdict = chunk.verdict(number)
        one = _finding(values[at], verdict, ids[at])
        one = replace(one, has_ended=bool(has_ended[number]), is_final=are_final)
        found.append(one)
        before = strongest.get(one.pair)
        if before is None or one.strength > found[before].strength:
            strongest[one.pair] = at
    shown = sorted(at for at in strongest.values() if found[at].is_mining)
    features = _features(chunk.conversations, [numbers[at] for at in shown])
    for at, known in zip(shown, features, strict=True):
        found[at] = replace(found[at], disproof=_disproof(values[at], found[at], known))
    return found


def alerts_of_scan(chunks: Iterable[ScannedChunk], source: str) -> list[Alert]:
    """Return the alerts of what a scan found, the earliest first.

    They are those at which a watch of the same packets arrives, but for how often, when and why
    they were told (``alerts.grouping.as_found``), as long as the watch had memory enough, no clock
    was set back in the middle, and no conversation was labelled only after a later one of its host
    and pool had raised an alert: this one may have another hour in its id, or be another alert.

    Parameters
    ----------
    chunks : of the scan.
    source : what was scanned.
    """
    return grouped(_mining(chunks), source)


def _mining(chunks: Iterable[ScannedChunk]) -> Iterator[Finding]:
    for chunk in chunks:
        are_over = np.ones(len(chunk.conversations), np.bool_)
        yield from findings_of(chunk, chunk.is_mining, are_over, are_final=True)


def _ends(values: Mapping[str, Any]) -> tuple[str, int, str, int]:
    """Address and port of the watched end, then of the far end."""
    near, far = ("source", "destination")
    if values["is_source_home"] is False:
        near, far = far, near
    address = {
        end: text_of(values[f"{end}_address_high"], values[f"{end}_address_low"])
        for end in (near, far)
    }
    port = {end: int(values[f"{end}_transport_port"]) for end in (near, far)}
    return address[near], port[near], address[far], port[far]


def _finding(values: Mapping[str, Any], verdict: Verdict, community_id: str | None) -> Finding:
    host, _, pool, pool_port = _ends(values)
    signature = verdict.detectors.get("signature")
    allowance = values.get(ALLOWED)
    return Finding(
        flow_id=verdict.flow_id,
        has_ended=False,
        is_final=False,
        is_mining=verdict.label == MINING,
        host=host,
        pool=pool,
        pool_port=pool_port,
        server_port=_server_port(values, pool_port),
        protocol_identifier=int(values["protocol_identifier"]),
        probability=verdict.mining_probability,
        start_ns=int(values["flow_start_nanoseconds"]),
        end_ns=int(values["flow_end_nanoseconds"]),
        community_id=community_id,
        kinds=tuple(carriers(verdict.evidence)),
        has_proof=signature is not None and signature >= PROOF,
        detectors=verdict.detectors,
        evidence=tuple(map(_finite, verdict.evidence[:MOST_EVIDENCE])),
        pool_name=_name(values),
        identity={name: _text(values.get(name)) for name in IDENTITY_NAMES},
        tags=tuple(values.get("tags") or ()),
        allowed_by=None if allowance is None else _allowance(allowance),
    )


def _server_port(values: Mapping[str, Any], pool_port: int) -> int:
    """Port of the side that was called.

    Where nobody saw who called, because the watch began later or packets were lost, the pool was:
    else a conversation in which it speaks first would be another alert than the one before.
    """
    if values["is_initiator_known"] is False:
        return pool_port
    return int(values["destination_transport_port"])


def _name(values: Mapping[str, Any]) -> str | None:
    """What the far end is called; names are those of the side that was called."""
    if values["is_source_home"] is False:
        return None
    return next((_text(values[name]) for name in _NAMES if values.get(name)), None)


def _text(text: str | None) -> str | None:
    return None if text is None else printable(text[:MAX_NAME])


def _allowance(entry: Mapping[str, str]) -> str:
    return f"{entry['owner']} until {entry['expires']}: {entry['reason']} ({entry['place']})"


def _finite(item: Evidence) -> Evidence:
    """Leave out numbers that no receiver of alerts could read."""
    value = item.value
    if isinstance(value, float) and not math.isfinite(value):
        value = None
    low, high = (
        None if edge is None or not math.isfinite(edge) else edge
        for edge in (item.normal_low, item.normal_high)
    )
    return replace(item, value=value, normal_low=low, normal_high=high)


def _features(conversations: Conversations, rows: list[int]) -> list[dict[str, float]]:
    """What ``checks`` may ask of some conversations, by name; most often a detector computed it."""
    if not rows:
        return []
    names = _RHYTHM.feature_names
    return [
        {name: value for name, value in zip(names, row, strict=True) if math.isfinite(value)}
        for row in features_of(conversations, _RHYTHM)[rows].tolist()
    ]


def _disproof(
    values: Mapping[str, Any], found: Finding, features: Mapping[str, float]
) -> tuple[str, ...]:
    """What would show that it is not mining, as ``explain`` says it."""
    told = list(checks(values, _ends(values), found.evidence, features))
    # The last one tells that no other host talks to the pool, which is not known here.
    return tuple(told if TOGETHER in found.kinds else told[:-1])
