# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from minewatch.decoders.stratum import StratumDecoder
from minewatch.decoders.tls import TlsDecoder
from minewatch.lab.dialects import DIALECTS
from minewatch.lab.simulator.mining_part import make_part, mining_ends
from minewatch.lab.simulator.population import Population, draw
from minewatch.lab.simulator.settings import Settings
from part_check import Made, check, payload, said

SETTINGS = Settings(conversations=1000, mining=120, days=0.2, evasion=0.6)


@pytest.fixture(scope="module")
def population() -> Population:
    return draw(SETTINGS, 3)


@pytest.fixture(scope="module")
def made(population: Population) -> Made:
    paths, part = make_part(population._mining, population.engagements)
    return Made(paths, part, SETTINGS.horizon_s + 1e-3)


def test_mining_holds_what_every_script_must_hold(made: Made):
    check(made)
    assert len(made.paths) == SETTINGS.mining
    assert (made.counts() >= 2).all()


def test_conversations_show_what_their_venture_says(population: Population, made: Made):
    """In the clear the dialect, in TLS no server name, in a tunnel SSH."""
    seen = set()
    for row, engagement in enumerate(population.engagements):
        venture = population.ventures[engagement.venture]
        evasions, transport = venture.miner.evasions, venture.places[0].pool.transport
        messages = said(made.part, row)
        if "ssh" in evasions:
            assert messages[0].content.startswith(b"SSH-2.0-")
        elif transport != "tcp":
            row_of = TlsDecoder().decode(payload(messages))
            if "socks5" not in evasions:
                assert row_of is not None
                assert row_of["tls_sni"] is None
                assert row_of["tls_version"] == transport.replace("tls", "TLS ")
        elif venture.dialect != "stratum-v2":
            found = StratumDecoder().decode(payload(messages))
            assert found is not None, venture
            assert found["stratum_dialect"] == DIALECTS[venture.dialect].decoded_as
        else:
            continue
        seen.add((transport, *evasions))
    assert len(seen) > 8


def test_ends_are_unique_and_those_of_the_places(population: Population):
    ends = mining_ends(population._mining, population.world, population.engagements)
    rows = set(
        zip(
            ends.initiator_address.tolist(),
            ends.initiator_port.tolist(),
            ends.responder_address.tolist(),
            ends.responder_port.tolist(),
            strict=True,
        )
    )
    assert len(rows) == SETTINGS.mining
    known = {(p.address, p.port) for v in population.ventures for p in v.places}
    assert {row[2:] for row in rows} <= known


def test_a_pool_is_as_far_away_each_time(population: Population, made: Made):
    for row, engagement in enumerate(population.engagements):
        place = population.ventures[engagement.venture].places[engagement.place]
        assert made.paths.rtt_s[row] == pytest.approx(place.rtt_s, rel=0.3)
    assert np.unique(made.paths.rtt_s).size > 50
