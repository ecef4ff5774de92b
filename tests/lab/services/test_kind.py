# SPDX-License-Identifier: Apache-2.0
import pytest

from lab.services.conftest import make_plan
from minewatch.errors import ConfigError
from minewatch.lab.plan import Service
from minewatch.lab.services.kind import Kind, client_rng

KIND = Kind("chess", (7000, 7001), options={"pause_s": 5.0, "opening": "e4"})


def service(**options):
    return Service("chess-1", "chess", "server-1", 7000, ("client-1",), options)


def test_options_have_defaults():
    assert KIND.port == 7000
    assert KIND.number(service(), "pause_s") == 5
    assert KIND.number(service(pause_s=2), "pause_s") == 2
    assert KIND.text(service(), "opening") == "e4"


@pytest.mark.parametrize("value", ["soon", 0, -1.0, float("nan")])
def test_a_bad_number_is_named(value):
    with pytest.raises(ConfigError, match="service chess-1: pause_s: a number > 0"):
        KIND.number(service(pause_s=value), "pause_s")


def test_each_client_has_luck_of_its_own():
    plan = make_plan(service())
    draws = [client_rng(plan, service(), name).random() for name in ("client-1", "client-2")]
    assert draws[0] != draws[1]
    assert draws[0] == client_rng(plan, service(), "client-1").random()


def test_who_plays_what():
    class Played(Kind):
        def serve(self, service, plan, rng):
            return ["serve"]

        def use(self, service, plan, host, rng):
            return [f"use {host}"]

    def acts(host):
        return Played("chess", (7000,)).actors(service(), make_plan(service()), host, None)

    assert acts("server-1") == ["serve"]
    assert acts("client-1") == ["use client-1"]
    assert acts("client-2") == []
    assert KIND.actors(service(), make_plan(service()), "server-1", None) == []
