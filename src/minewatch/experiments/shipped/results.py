# SPDX-License-Identifier: Apache-2.0
"""What was measured, as JSON has it."""

from __future__ import annotations

import json
from ipaddress import IPv6Network
from typing import Any, Final

from minewatch import __version__
from minewatch.address import text_of
from minewatch.experiments.shipped.measure import Measured
from minewatch.experiments.shipped.mistakes import Mistakes
from minewatch.experiments.shipped.parts import Part, at_all, kinds_of, part_of, sources_of
from minewatch.experiments.shipped.wilson import CONFIDENCE, Share
from minewatch.output.summary import problem_lines
from minewatch.training.rules import Rule

FORMAT: Final = 1


def as_data(measured: Measured) -> dict[str, Any]:
    """Return everything that the report tells, and more.

    Parameters
    ----------
    measured : everything.
    """
    return {
        "format": FORMAT,
        "minewatch": __version__,
        "confidence": CONFIDENCE,
        "thresholds": dict(sorted(measured.own.items())),
        "together": _part(measured, part_of(measured)),
        "kinds": {kind: _part(measured, part_of(measured, kind)) for kind in kinds_of(measured)},
        "sources": {
            source: _part(measured, part_of(measured, source=source))
            | {
                "kinds": {
                    kind: _part(measured, part_of(measured, kind, source))
                    for kind in kinds_of(measured, source)
                }
            }
            for source in sources_of(measured)
        },
        "inputs": [
            {
                "name": one.name,
                "kind": one.kind,
                "files": one.files,
                "mining": one.mining,
                "normal": one.normal,
                "not_counted": one.uncounted,
                "rules_of_mining_without_conversation": [rule_text(r) for r in one.unmatched],
            }
            for one in measured.inputs
        ],
        "false_alarms": _mistakes(measured.false_alarms),
        "missed": _mistakes(measured.missed),
        "problems": measured.problems,
        "notes": notes_of(measured),
    }


def as_text(data: dict[str, Any]) -> str:
    """Return data of ``as_data`` as JSON.

    Parameters
    ----------
    data : what to write.
    """
    return json.dumps(data, indent=1, allow_nan=False) + "\n"


def notes_of(measured: Measured) -> list[str]:
    """Return what was passed over, cut, damaged or not used, a sentence each.

    Parameters
    ----------
    measured : everything.
    """
    return [*measured.notes, *(line.strip() for line in problem_lines(measured.totals))]


def rule_text(rule: Rule) -> str:
    """Return a rule's conditions in a few words.

    Parameters
    ----------
    rule : one row of a labels file.

    Examples
    --------
    >>> from minewatch.training.rules import mapped_network
    >>> rule_text(Rule("lab", 1, mapped_network("10.0.0.9"), port=3333))
    'lab: address 10.0.0.9, port 3333'
    """
    told = {
        "address": rule.network and _network_text(rule.network),
        "port": rule.port,
        "peer": rule.peer and _network_text(rule.peer),
        "protocol": rule.protocol,
    }
    conditions = [f"{name} {value}" for name, value in told.items() if value is not None]
    return f"{rule.source}: {', '.join(conditions) or 'everything'}"


def _network_text(network: IPv6Network) -> str:
    """A network as labels files have it, IPv4 unmapped."""
    first = int(network.network_address)
    length, whole = network.prefixlen, 128
    if first >> 32 == 0xFFFF and length >= 96:
        length, whole = length - 96, 32
    text = text_of(first >> 64, first & ((1 << 64) - 1))
    return text if length == whole else f"{text}/{length}"


def _part(measured: Measured, part: Part) -> dict[str, Any]:
    return {
        "mining": part.mining.conversations,
        "normal": part.normal.conversations,
        "found": _share(part.found),
        "false_alarms": _share(part.false_alarms),
        "mining_stopped_by_gate": dict(part.mining.gated.most_common()),
        "normal_stopped_by_gate": dict(part.normal.gated.most_common()),
        "at": [
            {"threshold": threshold, "found": _share(found), "false_alarms": _share(alarms)}
            for threshold, (found, alarms) in at_all(measured, part)
        ],
    }


def _share(share: Share) -> dict[str, Any]:
    low, high = share.interval or (None, None)
    numbers = {"share": share.value, "low": low, "high": high}
    rounded = {k: None if v is None else float(f"{v:.6g}") for k, v in numbers.items()}
    return {"conversations": share.hits, **rounded}


def _mistakes(mistakes: Mistakes) -> dict[str, Any]:
    return {"conversations": mistakes.total, "listed": mistakes.rows}
