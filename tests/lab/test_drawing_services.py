# SPDX-License-Identifier: Apache-2.0
from collections import Counter
from random import Random

import pytest

from minewatch.lab.drawing_services import (
    MAX_CLIENTS,
    MAX_PAUSE,
    OUTSIDE,
    PER_SERVER,
    SPREAD,
    draw_services,
)
from minewatch.lab.services import SERVICES

CLIENTS = ["colleague-1", "colleague-2", "client-1", "client-2", "client-3"]


def servers(count):
    return [f"server-{number}" for number in range(1, count + 1)]


def busy(made):
    return Counter(name for service in made for name in {service.host, *service.clients})


@pytest.mark.parametrize("count", [1, 3, 10, 50])
def test_every_kind_occurs_and_every_server_has_some(count):
    made = draw_services(servers(count), CLIENTS, 1800.0, Random(1))
    assert {service.kind for service in made} == set(SERVICES)
    counts = busy(made)
    assert min(counts[name] for name in servers(count)) >= PER_SERVER[0]


def test_a_large_lab_spreads_them():
    names = servers(40)
    counts = busy(draw_services(names, CLIENTS, 1800.0, Random(1)))
    # One more than planned where a neighbour's service takes it for a client.
    assert max(counts[name] for name in names) <= PER_SERVER[1] + 4
    assert sum(counts[name] for name in names) / len(names) <= PER_SERVER[1] + 1


def test_both_ends_open_connections():
    made = draw_services(servers(10), CLIENTS, 1800.0, Random(1))
    for service in made:
        assert service.clients
        assert service.host not in service.clients
        assert (service.host in CLIENTS) or service.kind not in OUTSIDE
        if service.host not in CLIENTS:
            assert set(service.clients) <= set(CLIENTS)
            assert len(service.clients) <= MAX_CLIENTS
    outside = sum(service.host in CLIENTS for service in made)
    assert 0.2 < outside / len(made) < 0.8


def test_ports_are_mostly_the_usual_ones_and_never_taken():
    made = draw_services(servers(50), CLIENTS, 1800.0, Random(1))
    places = [(service.host, service.port) for service in made]
    assert len(set(places)) == len(places)
    usual = sum(service.port in SERVICES[service.kind].ports for service in made)
    assert usual / len(made) > 0.7


def test_tunnels_of_one_client_do_not_share_a_mouth():
    made = draw_services(servers(50), CLIENTS, 1800.0, Random(1))
    mouths = [s.options["local_port"] for s in made if s.kind == "ssh-tunnel"]
    assert len(mouths) > 1
    assert len(set(mouths)) == len(mouths)


def test_habits_differ_but_only_in_a_long_lab():
    made = draw_services(servers(50), CLIENTS, 1800.0, Random(1))
    downloads = [service.options for service in made if service.kind == "http-download"]
    usual = SERVICES["http-download"].options
    assert len({options["octets"] for options in downloads}) == len(downloads) > 1
    for options in downloads:
        assert set(options) <= set(usual)
        assert 1 / SPREAD <= options["octets"] / usual["octets"] <= SPREAD
        assert 0.99 <= options["pause_mean_s"] / usual["pause_mean_s"] <= MAX_PAUSE
    short = draw_services(servers(10), CLIENTS, 60.0, Random(1))
    assert all(set(service.options) <= {"local_port", "target_port"} for service in short)
