# SPDX-License-Identifier: Apache-2.0
import shlex

import pytest

from minewatch.alerts.advice import next_steps


def test_the_process_comes_first_and_what_stops_it_never():
    steps = next_steps("10.0.0.5", "203.0.113.9", 3333)
    assert steps[0] == "On 10.0.0.5, find the process: ss -tnp 'dst 203.0.113.9 and dport = :3333'"
    assert not any("kill" in step for step in steps)
    assert any("private-ip-address,Values=10.0.0.5" in step for step in steps)


def test_a_public_host_is_looked_up_by_its_public_address():
    assert any("public-ip,Values=8.8.8.8" in step for step in next_steps("8.8.8.8", "1.1.1.1", 80))


def test_addresses_of_version_6_are_written_as_tools_want_them():
    steps = next_steps("2001:db8::5", "2001:db8::9", 443)
    assert "ss -tnp 'dst [2001:db8::9] and dport = :443'" in steps[0]
    assert any("'host 2001:db8::5 and host 2001:db8::9 and port 443'" in step for step in steps)


@pytest.mark.parametrize("host", ["10.0.0.5", "2001:db8::5"])
def test_what_is_to_be_copied_can_be_split_by_a_shell(host):
    steps = next_steps(host, "203.0.113.9", 443)
    assert shlex.split(steps[0].partition(": ")[2])[:2] == ["ss", "-tnp"]
    capture = next(step for step in steps if "tcpdump" in step).partition(": ")[2]
    words = shlex.split(capture)
    assert words[:5] == ["tcpdump", "-c", "2000", "-w", "mining.pcap"]
    assert words[5].rstrip(",") == f"host {host} and host 203.0.113.9 and port 443"


def test_what_is_allowed_or_withdrawn_asks_for_less():
    assert len(next_steps("10.0.0.5", "1.1.1.1", 80, is_allowed=True)) == 1
    withdrawn = next_steps("10.0.0.5", "1.1.1.1", 80, is_standing=False)
    assert withdrawn[0].startswith("What was seen later speaks against mining")
