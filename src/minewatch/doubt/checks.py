# SPDX-License-Identifier: Apache-2.0
"""What would disprove a verdict of mining: checks that a person can do, by what carried it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from minewatch.types import Evidence

LEAST: Final = 0.5
"""Log-odds from which a piece of evidence is worth a check of its own."""
LONG_S: Final = 12 * 3600.0
"""From here on a conversation has gone on through somebody's night."""
MAX_NAME: Final = 128
PAYLOAD, LIST, TOGETHER, CLOCK, SHAPE = "payload", "list", "together", "clock", "shape"
_READ: Final = frozenset({"payload_kinds", "signature", "stratum_state", "stratum_dialect"})
_LISTED: Final = frozenset(
    {"source_address", "destination_address", "tls_sni", "destination_name", "intel"}
)
_TOGETHER: Final = frozenset({"push_coincidence", "synchrony"})
_CLOCKS: Final = frozenset({"block_similarity", "pool_clock_ratio", "block-clock"})


def carriers(evidence: Sequence[Evidence]) -> list[str]:
    """Return what kinds of evidence carried a verdict, the strongest first.

    Parameters
    ----------
    evidence : of the verdict.

    Examples
    --------
    >>> carriers([Evidence("push_share", 0.3, "1", 2.0, "."), Evidence("tls_sni", "a", "text", 4.0,
    ...     "."), Evidence("gap", 1.0, "s", 0.1, ".")])
    ['list', 'shape']
    """
    weights: dict[str, float] = {}
    for item in evidence:
        if item.contribution > 0:
            kind = _kind(item.feature)
            weights[kind] = weights.get(kind, 0.0) + item.contribution
    heavy = [kind for kind, weight in weights.items() if weight >= LEAST]
    return sorted(heavy, key=lambda kind: -weights[kind])


def _kind(feature: str) -> str:
    """What an evidence's feature belongs to; what nobody knows here is a matter of shape."""
    kinds = {PAYLOAD: _READ, LIST: _LISTED, TOGETHER: _TOGETHER, CLOCK: _CLOCKS}
    return next((kind for kind, features in kinds.items() if feature in features), SHAPE)


def checks(
    row: Mapping[str, Any],
    ends: tuple[str, int, str, int],
    evidence: Sequence[Evidence],
    values: Mapping[str, float],
    others: tuple[int, int] = (0, 0),
) -> Iterator[str]:
    """Yield what to look at, and which answer would disprove that this is mining.

    Parameters
    ----------
    row : the conversation's columns by name.
    ends : address and port of the watched end, then of the far end.
    evidence : of the verdict.
    values : features by name, as ``fit.known_features`` has them.
    others : other hosts that talk to the far end, and how many of them are called mining too.
    """
    near, near_port, far, far_port = ends
    yield (
        f"Whose process is it? On {near}, while it lasts: ss -tnp '( sport = :{near_port} and "
        f"dport = :{far_port} )'. A program that you run on purpose, and that does not mine, "
        "disproves it; a deleted binary or a program in /tmp does the contrary."
    )
    ways = {
        PAYLOAD: _payload,
        LIST: _list,
        TOGETHER: _together,
        CLOCK: _clock,
        SHAPE: _shape,
    }
    carried = carriers(evidence)
    for kind in carried:
        yield from ways[kind](row, near, far, values)
    if TOGETHER not in carried or any(others):
        yield from _company(far, far_port, others)


def _payload(
    row: Mapping[str, Any], near: str, far: str, values: Mapping[str, float]
) -> Iterator[str]:
    if row.get("stratum_results_ok"):
        yield (
            f"Who gets paid? {far} accepted work. Only a rehearsal disproves it: a honeypot, a "
            "sandbox, a test of this very detector. Ask the owner of the host about the login."
        )
    else:
        yield (
            f"Did {far} accept anything? No accepted share was read. If a longer capture shows "
            "none either, it was an attempt or a probe of a mining port, and nothing was mined."
        )


def _list(
    row: Mapping[str, Any], near: str, far: str, values: Mapping[str, float]
) -> Iterator[str]:
    yield (
        f"Is the entry still true? Look up who has {far} today: an address of a content delivery "
        "network, a cloud or a pool's web site disproves what the list says."
    )


def _together(
    row: Mapping[str, Any], near: str, far: str, values: Mapping[str, float]
) -> Iterator[str]:
    yield (
        "Are the others in step by chance? Compare the times of what the far end sends over an "
        "hour: a timer that all of them share (a full minute, a full hour) disproves a pool, and "
        "so does news that one side sends to all: ask what they subscribed to."
    )


def _clock(
    row: Mapping[str, Any], near: str, far: str, values: Mapping[str, float]
) -> Iterator[str]:
    yield (
        f"Does {far} keep the time of a chain, or of something else? Look at what it sends over "
        "another hour beside the times of blocks, and of two other chains. If it fits these as "
        "well, or sends at round times, it is another clock. A node, an exchange or a wallet that "
        "hears of blocks keeps the same time and mines nothing."
    )


def _shape(
    row: Mapping[str, Any], near: str, far: str, values: Mapping[str, float]
) -> Iterator[str]:
    """Shape proves nothing by itself, so that it gets the most questions."""
    seconds = (row["flow_end_nanoseconds"] - row["flow_start_nanoseconds"]) / 1e9
    if seconds < LONG_S:
        yield (
            "Does it go on at night? A miner keeps its pace for days; what pauses when people go "
            "home, or ends when a page or a session is closed, is none. This was seen for "
            f"{max(seconds / 60, 1):.0f} min."
        )
    answered = values.get("asked_answered_share")
    if answered is not None:
        yield (
            f"Does {far} answer each request like a share? A pool answers every one, shortly and "
            f"in the same size; here {answered:.0%} are answered. Answers of all sizes, or "
            "requests that stay open, are another protocol."
        )
    else:
        yield (
            f"What do the packets say? Flow records tell sizes and pace only. Capture {near} and "
            f"{far} for ten minutes and explain that: packets show who speaks and who answers."
        )
    yield _name(row, far)


def _name(row: Mapping[str, Any], far: str) -> str:
    """What TLS or DNS say of the far end, and who could know better."""
    told = "No name was seen."
    if row.get("tls_sni"):
        told = f"The client calls it {str(row['tls_sni'])[:MAX_NAME]}, and may call it anything."
    elif row.get("destination_name"):
        told = f"DNS calls it {str(row['destination_name'])[:MAX_NAME]}."
    return (
        f"Who runs {far}? {told} A certificate (openssl s_client -connect, from a machine that "
        "may) or a registry entry of a service that you pay for disproves it."
    )


def _company(far: str, far_port: int, others: tuple[int, int]) -> Iterator[str]:
    n_others, n_mining = others
    if n_mining:
        noun = "host has" if n_mining == 1 else "hosts have"
        yield (
            f"{n_mining:,} more {noun} a conversation like this with {far}, port {far_port}: what "
            "disproves one should disprove all. A service that you rolled out to all of them would."
        )
    elif n_others:
        noun = "host talks" if n_others == 1 else "hosts talk"
        yield (
            f"{n_others:,} more {noun} to {far}, port {far_port}, in no such manner: ask what it "
            "serves them. A service that this host uses in another way disproves it."
        )
    else:
        yield (
            f"Is a second host in step? No other host was seen to talk to {far}, port "
            f"{far_port}. One that gets messages in the same seconds would confirm a pool."
        )
