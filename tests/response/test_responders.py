# SPDX-License-Identifier: Apache-2.0
import pytest

from minewatch.contracts import Responder
from minewatch.errors import ConfigError
from minewatch.response.acting import Covering
from minewatch.response.responders import NAMES, responder_named


@pytest.mark.parametrize("name", NAMES)
def test_each_name_is_a_responder_that_plans(name, block):
    name = name.replace("BRIDGE", "br0")
    responder = responder_named(name)
    assert isinstance(responder, Responder)
    assert responder.name == name
    plan = responder.plan(block())
    assert "203.0.113.9" in "\n".join(plan)
    assert all("\n" not in line for line in plan)


def test_those_that_act_say_what_they_cover():
    for name in ("nftables", "route", "openvswitch:br0"):
        assert isinstance(responder_named(name), Covering)


@pytest.mark.parametrize("name", ["", "iptables", "openvswitch", "nftables:x", "openvswitch:"])
def test_another_name_is_refused(name):
    with pytest.raises(ConfigError):
        responder_named(name)
