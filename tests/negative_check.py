# SPDX-License-Identifier: Apache-2.0
"""Traffic that only looks like mining, sent through the whole pipeline as a user would.

It has to stay normal as a capture, inside TLS, and as flow logs and packets without payload show
it, early and late. Detectors and fusion are those of ``minewatch scan``, whatever ships. A negative
that is called mining is a finding: the message names the detectors that said so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from minewatch.cli.options import scan_options
from minewatch.lab.simulator.assembly import Piece, assemble
from minewatch.lab.simulator.script import FILL_RANDOM, Messages, Script
from minewatch.lab.simulator.world import Ends
from minewatch.pipeline import PipelineOptions
from minewatch.readers.source import Input
from minewatch.scanning import ScanOptions, scan_capture, score
from minewatch.training.corpus.build import build_corpus
from minewatch.training.corpus.stored import Corpus
from minewatch.training.corpus.tables import WHOLE
from minewatch.training.corpus.views import InputKind, view
from part_check import kind_of, make
from scripted import Said, Talk, script, write

HOSTS = 0x0A00_0100
"""10.0.1.0: watched hosts, one a conversation."""
PEERS = 0xCB00_7100
"""203.0.113.0: far ends."""
VIEWS = (InputKind.NO_PAYLOAD, InputKind.FIRST_30, InputKind.FLOWS_60, InputKind.FLOWS_600)
"""Beside the capture itself."""
HOUR_S = 3600
MOMENTS_S = (600, HOUR_S, WHOLE)
"""When a view is looked at, seconds after a conversation's first packet."""
RECORD = 16_384
"""Octets in a record of TLS, at most."""
SEAL = 22
"""What a record of TLS 1.3 adds."""


@dataclass(frozen=True)
class Seen:
    """What a scan made of one conversation."""

    ends: str
    probability: float
    label: str
    detectors: dict[str, float | None]
    reason: str
    row: dict[str, object]


@cache
def options() -> ScanOptions:
    """What ``minewatch scan`` uses when it is told nothing."""
    return scan_options(PipelineOptions())


def scan(path: Path) -> list[Seen]:
    """Scan a capture; gated conversations are normal by definition and not returned."""
    report, chunks = scan_capture(Input(path.name, str(path), None), options())
    found = []
    for chunk in chunks:
        for i in range(len(chunk.conversations)):
            verdict = chunk.verdict(i)
            row = chunk.conversations.frame.row(i, named=True)
            ends = f"{row['source_transport_port']} to {row['destination_transport_port']}"
            reason = verdict.evidence[0].text if verdict.evidence else ""
            found.append(
                Seen(
                    ends,
                    verdict.mining_probability,
                    verdict.label,
                    dict(verdict.detectors),
                    reason,
                    row,
                )
            )
    assert report.failures == {}
    return found


def assert_normal(found: Sequence[Seen], least: int = 1) -> None:
    """Fail if one is called mining, or if fewer than ``least`` were scored at all."""
    wrong = [
        f"{seen.ends}: {seen.probability:.2f}, {seen.detectors}; {seen.reason}"
        for seen in found
        if seen.label != "normal"
    ]
    assert not wrong, f"{len(wrong)} of {len(found)} called mining\n" + "\n".join(wrong)
    assert len(found) >= least, f"only {len(found)} passed the gate: the test shows nothing"


def simulated(
    service: str, n: int = 16, hours: float = 3.0, seed: int = 5, fan_in: bool = False
) -> Script:
    """Return conversations of one of the simulator's kinds; with ``fan_in`` all to one far end."""
    kind = kind_of(service)
    made = make(service, n, hours, seed)
    each = np.arange(n)
    far = np.full(n, PEERS + 1) if fan_in else PEERS + 1 + each % 200
    near, port = HOSTS + each, kind.ports[seed % len(kind.ports)]
    first, second = (near, far) if kind.is_outbound or fan_in else (far, near)
    ends = Ends(
        first.astype(np.uint32),
        (40_000 + each * 7).astype(np.uint16),
        second.astype(np.uint32),
        np.full(n, port, np.uint16),
    )
    return assemble([Piece(kind.protocol, ends, made.paths, made.part)])[0]


Speak = Callable[[np.random.Generator, float], list[Said]]
"""From a source of chance and a length in seconds to what one conversation says."""


def spoken(
    speak: Speak,
    port: int,
    n: int = 8,
    hours: float = 2.0,
    seed: int = 3,
    peer: Callable[[int], int] = lambda i: PEERS + 1 + i,
) -> Script:
    """Return ``n`` hosts that each talk to a peer for hours, over paths of all lengths."""
    rng = np.random.default_rng(seed)
    talks = []
    for i in range(n):
        rtt = float(rng.choice([0.0006, 0.012, 0.045, 0.11]))
        length = hours * 3600 * float(rng.uniform(0.6, 1.0))
        talks.append(
            Talk(
                speak(rng, length),
                start_s=1_700_000_000.0 + float(rng.uniform(0, 300)),
                seconds=length,
                rtt_s=rtt,
                jitter_s=0.1 * rtt,
                loss=0.0005,
                ports=(40_000 + i, port),
            )
        )
    made = script(*talks)
    made.conversations.initiator_address[:] = HOSTS + np.arange(n)
    made.conversations.responder_address[:] = [peer(i) for i in range(n)]
    made.conversations.initiator_port[:] = 40_000 + 11 * np.arange(n)
    return made


def ordered(said: list[Said], least_s: float = 0.15) -> list[Said]:
    """Return what is said in the order of time, after the handshake."""
    return sorted(((max(at, least_s), *rest) for at, *rest in said), key=lambda one: one[0])


def chances(rng: np.random.Generator, length: float, mean_gap_s: float) -> list[float]:
    """Return moments that come by chance."""
    return np.sort(rng.uniform(1, length, rng.poisson(length / mean_gap_s))).tolist()


def beats(rng: np.random.Generator, length: float, period_s: float, spread: float) -> list[float]:
    """Return moments that come once a period, a little early or late."""
    n = int(length / period_s)
    times = (np.arange(n) + rng.random()) * period_s + rng.normal(0, spread, n)
    return [float(at) for at in times if 1 < at < length]


def seen_of(path: Path, made: Script, half: bool = False) -> list[Seen]:
    """Write a script as a capture and scan it; ``half`` leaves out how conversations began."""
    capture = write(path / "capture.pcap", made)
    if half:
        from_its_middle(capture)
    return scan(capture)


def assert_stays_normal(
    path: Path,
    made: Script,
    least: int = 8,
    long: int = 4,
    half: bool = False,
    views: Sequence[InputKind] = VIEWS,
) -> None:
    """Fail if one is called mining: as a capture, inside TLS, or in a view of it.

    ``least`` conversations have to be scored, or the test shows nothing; ``long`` of them after an
    hour. With ``half`` nobody saw how they began. ``views`` are all there are, unless a test of its
    own says what is known of another.
    """
    assert_normal(seen_of(path, made, half), least)
    assert_views_normal(corpus_of(path), least, long, views)
    (path / "tls").mkdir()
    assert_normal(seen_of(path / "tls", sealed(made), half), least)


def corpus_of(path: Path) -> Corpus:
    """Return the capture that ``seen_of`` wrote, all of it labelled normal."""
    labels = path / "labels.tsv"
    labels.write_text("capture\tsource\tlabel\ncapture.pcap\tmade\tnormal\n", encoding="utf-8")
    return build_corpus([labels])


def assert_views_normal(
    corpus: Corpus, least: int, long: int, views: Sequence[InputKind] = VIEWS
) -> None:
    """Fail if a conversation is called mining by what another input shows of it."""
    scored = {}
    for kind in views:
        for moment_s in MOMENTS_S:
            scored[kind, moment_s] = _scored_normal(corpus, kind, moment_s)
    assert scored[InputKind.NO_PAYLOAD, WHOLE] >= least, f"{scored}: the test shows nothing"
    for kind in views:
        assert scored[kind, HOUR_S] >= long, f"{scored}: nothing is shown of hours"


def _scored_normal(corpus: Corpus, kind: InputKind, moment_s: int) -> int:
    """Return how many conversations a view has, none of which may be called mining."""
    given = view(corpus, kind, moment_s).conversations
    report = SimpleNamespace(failures={})
    scores = score(given, options().detectors, report)
    assert report.failures == {}
    probability = options().fusion.probability(scores, len(given))
    wrong = [
        f"{probability[i]:.2f}, { {name: float(one[i]) for name, one in scores.items()} }"
        for i in np.flatnonzero(probability >= options().threshold)
    ]
    where = f"{kind} after {moment_s or 'all'} s"
    assert not wrong, f"{where}: {len(wrong)} of {len(given)} called mining\n" + "\n".join(wrong)
    return len(given)


def sealed(made: Script) -> Script:
    """Return the same conversations inside TLS 1.3: a handshake first, sizes longer, no content."""
    conversations, said = made.conversations, made.messages
    talking = np.unique(said.conversation)
    round_trip = conversations.rtt_s
    hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"
    answer = b"\x16\x03\x03\x00\x7a\x02\x00\x00\x76\x03\x03"
    blob = np.frombuffer(made.blob.tobytes() + hello + answer + b"\x17\x03\x03", np.uint8)
    starts = len(made.blob) + np.cumsum([0, len(hello), len(answer)])
    opening = [  # when [round trips], by whom, how long, whose first octets
        (1.0, False, 517, starts[0], len(hello)),
        (2.0, True, 3200, starts[1], len(answer)),
        (3.0, False, 80, starts[2], 3),
    ]
    n, count = len(said.octets), len(talking)
    delay = 4 * round_trip[said.conversation] + 0.01
    owner = np.concatenate([said.conversation, np.tile(talking, len(opening))])
    time_s = np.concatenate(
        [said.time_s + delay, *(trips * round_trip[talking] + 0.001 for trips, *_ in opening)]
    )
    whose = [np.full(count, is_reply) for _, is_reply, *_ in opening]
    records = said.octets + SEAL * -(-said.octets // RECORD)
    order = np.lexsort((time_s, owner))
    messages = Messages(
        owner[order],
        time_s[order],
        np.concatenate([said.is_reply, *whose])[order],
        np.concatenate([records, *(np.full(count, size) for _, _, size, *_ in opening)])[order],
        np.concatenate([np.full(n, starts[2]), *(np.full(count, at) for *_, at, _ in opening)])[
            order
        ],
        np.concatenate([np.full(n, 3), *(np.full(count, octets) for *_, octets in opening)])[order],
        np.full(len(order), FILL_RANDOM, np.uint8),
        np.concatenate([said.late_s, np.zeros(count * len(opening))])[order],
    )
    ends = conversations.end_s + 4 * round_trip + 0.02
    return Script(replace(conversations, end_s=ends), messages, blob, made.begin_s)


def from_its_middle(path: Path, share: float = 0.3) -> None:
    """Leave out the first packets of every conversation of a capture: nobody saw it open."""
    data = path.read_bytes()
    records, at = [], 24
    while at < len(data):
        size = 16 + int.from_bytes(data[at + 8 : at + 12], "little")
        records.append(data[at : at + size])
        at += size
    ends = [frozenset((one[42:46] + one[50:52], one[46:50] + one[52:54])) for one in records]
    total, seen = Counter(ends), Counter()
    kept = [data[:24]]
    for record, pair in zip(records, ends, strict=True):
        seen[pair] += 1
        if seen[pair] > share * total[pair]:
            kept.append(record)
    path.write_bytes(b"".join(kept))
