# SPDX-License-Identifier: Apache-2.0
"""Puts TLS in front of conversations of a `Talk`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from minewatch.lab.simulator.distributions import parameter
from minewatch.lab.simulator.laws import Rng
from minewatch.lab.simulator.script import IntArray
from minewatch.lab.simulator.talk import Talk
from minewatch.lab.simulator.tls import (
    CLIENTS,
    Client,
    ServerFlight,
    client_hello,
    renewed,
    second_flight,
    server_flight,
    versions,
)
from minewatch.lab.simulator.tls_records import TLS12, TLS13

_FLIGHTS = 12
"""Servers' flights that a batch draws of each version: certificates belong to servers."""


def secure(
    talk: Talk,
    rows: IntArray,
    rng: Rng,
    names: Sequence[str],
    *,
    clients: Sequence[Client] = CLIENTS,
    newer: float | None = None,
    named: float = 1.0,
) -> None:
    """Add handshakes; what these conversations say later goes into records.

    Parameters
    ----------
    talk : where.
    rows : the conversations that use TLS.
    rng : source of chance.
    names : servers' names, for the hello and the certificate.
    clients : whose hellos.
    newer : share of TLS 1.3; None: as the parameter ``tls13_share`` says.
    named : share of hellos that name the server.
    """
    n = len(rows)
    if newer is None:
        newer = float(np.mean(parameter("tls13_share").draw(rng, 64)))
    version = versions(rng, n, newer)
    talk.versions[rows] = version
    _say_hellos(talk, rows, version, rng, names, clients=clients, named=named)
    _say_flights(talk, rows, version, rng, names)
    for kind in (TLS12, TLS13):
        those = rows[version == kind]
        mine, answer = second_flight(kind)
        think = rng.exponential(0.001, len(those))
        talk.say(those, False, mine, gap_s=think, is_sealed=False, text=_header(talk, kind))
        talk.say(those, True, answer, gap_s=0.0004, is_sealed=False)


def _header(talk: Talk, version: int) -> int:
    if version == TLS12:
        return talk.texts.add(b"\x16\x03\x03\x00\x25\x10\x00\x00\x21\x20")
    return talk.texts.add(b"\x14\x03\x03\x00\x01\x01\x17\x03\x03\x00\x45")


def _say_hellos(
    talk: Talk,
    rows: IntArray,
    version: IntArray,
    rng: Rng,
    names: Sequence[str],
    *,
    clients: Sequence[Client],
    named: float,
) -> None:
    client = rng.integers(0, len(clients), len(rows))
    name = np.where(rng.random(len(rows)) < named, rng.integers(0, len(names), len(rows)), -1)
    numbers = np.empty(len(rows), np.int64)
    keys = (client * (len(names) + 1) + name + 1) * 2 + (version == TLS13)
    for key in np.unique(keys):
        those = np.flatnonzero(keys == key)
        first = those[0]
        hello = client_hello(
            clients[client[first]],
            "1.3" if version[first] == TLS13 else "1.2",
            None if name[first] < 0 else names[name[first]],
        )
        made = renewed(hello, len(those), rng)
        numbers[those] = talk.texts.add_each(row.tobytes() for row in made)
    talk.say(rows, False, text=numbers, gap_s=rng.exponential(0.0005, len(rows)), is_sealed=False)


def _say_flights(
    talk: Talk, rows: IntArray, version: IntArray, rng: Rng, names: Sequence[str]
) -> None:
    for kind in (TLS12, TLS13):
        those = rows[version == kind]
        if not len(those):
            continue
        sizes = parameter("certificates").whole(rng, _FLIGHTS)
        flights: list[ServerFlight] = [
            server_flight(
                kind, names[i % len(names)], int(size), rng, is_self_signed=bool(size < 1200)
            )
            for i, size in enumerate(sizes)
        ]
        numbers = np.array([talk.texts.add(flight.content) for flight in flights], np.int64)
        octets = np.array([flight.octets for flight in flights], np.int64)
        chosen = rng.integers(0, len(flights), len(those))
        talk.say(
            those,
            True,
            octets[chosen],
            text=numbers[chosen],
            gap_s=rng.exponential(0.002, len(those)),
            is_sealed=False,
        )
