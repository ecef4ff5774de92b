# SPDX-License-Identifier: Apache-2.0
import os
import subprocess
import sys
from pathlib import Path

import pytest

from minewatch.errors import ConfigError, SourceError
from minewatch.readers.live import opening
from minewatch.readers.live.opening import open_rings
from minewatch.readers.live.settings import LiveSettings

SOURCE = str(Path(opening.__file__).parents[3])


def test_only_the_standard_library_is_needed():
    """Else threads of libraries would keep the privileges that the program gives up."""
    code = (
        "import sys, os\nbefore = set(sys.modules)\n"
        "import minewatch.readers.live.opening, minewatch.readers.live.privileges\n"
        "new = {name.partition('.')[0] for name in set(sys.modules) - before}\n"
        "print(sorted(new - set(sys.stdlib_module_names)), len(os.listdir('/proc/self/task')))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": SOURCE},
    )
    assert done.stdout == "['minewatch'] 1\n"


@pytest.mark.namespace
def test_interfaces_are_opened_in_order(wires):
    wires.make("v0", "v1")
    rings = open_rings(LiveSettings(("v1", "v0"), ring_octets=4 << 20))
    assert [(ring.interface.name, ring.block_octets) for ring in rings] == [
        ("v1", 1 << 19),
        ("v0", 1 << 19),
    ]
    for ring in rings:
        ring.close()


@pytest.mark.namespace
@pytest.mark.parametrize(
    ("names", "settings", "error"),
    [
        (("v0", "none"), {}, SourceError),
        (("v0", "v0-far"), {"filter": "no filter"}, ConfigError),
    ],
)
def test_nothing_stays_open_after_a_fault(wires, names, settings, error):
    wires.make("v0")
    before = os.listdir("/proc/self/fd")
    with pytest.raises(error):
        open_rings(LiveSettings(names, **settings))
    assert os.listdir("/proc/self/fd") == before


@pytest.mark.namespace
def test_the_first_rings_are_closed_when_a_later_one_fails(wires, monkeypatch):
    wires.make("v0", "v1")
    real = opening.look_up

    def look_up(name):
        found = real(name)
        if name == "v1":
            wires.ip("link delete v1")
        return found

    monkeypatch.setattr(opening, "look_up", look_up)
    before = os.listdir("/proc/self/fd")
    with pytest.raises(SourceError, match="v1: cannot be watched: No such device"):
        open_rings(LiveSettings(("v0", "v1")))
    assert os.listdir("/proc/self/fd") == before
