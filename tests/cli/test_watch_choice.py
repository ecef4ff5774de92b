# SPDX-License-Identifier: Apache-2.0
import pytest

from minewatch.cli.watch_choice import COLLECTOR, Chosen
from minewatch.errors import ConfigError


def chosen(*interfaces, source=None, endpoints=(), exporters=()):
    return Chosen(interfaces, source, tuple(endpoints), tuple(exporters))


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (chosen(), "nothing to watch; name an interface"),
        (chosen(endpoints=[("--ipfix", "x")]), "nothing to watch; say --from collector too"),
        (chosen("eth0", source="a"), "and not both"),
        (chosen("eth0", "-"), "-: no interface; to read it, say --from -"),
        (chosen("/tmp/a.pcap"), "no interface"),
        (chosen(source=COLLECTOR), "nowhere to listen"),
        (chosen("eth0", endpoints=[("--sflow", "x")]), "--sflow goes with --from collector"),
        (chosen(source="a", exporters=["10.0.0.0/8"]), "--exporters goes with --from collector"),
    ],
)
def test_what_does_not_go_together_is_refused(found, words):
    with pytest.raises(ConfigError, match=words):
        found.check(is_for_interfaces=False)


def test_options_of_interfaces_are_for_interfaces():
    chosen("eth0").check(is_for_interfaces=True)
    with pytest.raises(ConfigError, match="--filter and --user are for interfaces"):
        chosen(source="a").check(is_for_interfaces=True)


@pytest.mark.parametrize(
    "found",
    [
        chosen("eth0", "eth1"),
        chosen(source="-"),
        chosen(source=COLLECTOR, endpoints=[("--ipfix", "x")], exporters=["10.0.0.0/8"]),
        chosen(source="./collector"),
    ],
)
def test_what_goes_together_is_taken(found):
    found.check(is_for_interfaces=False)
