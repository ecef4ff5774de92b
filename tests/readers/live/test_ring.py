# SPDX-License-Identifier: Apache-2.0
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from minewatch.errors import SourceError
from minewatch.readers.live import ring as ring_module
from minewatch.readers.live.filters import accept_all
from minewatch.readers.live.interface import Interface, look_up
from minewatch.readers.live.ring import Ring
from minewatch.readers.live.settings import LiveSettings
from packets import tcp_frame

pytestmark = pytest.mark.namespace

SETTINGS = LiveSettings(("v0",), ring_octets=4 << 20)
EVERYTHING = accept_all(262_144)
FRAME = tcp_frame(payload=b"hello").data


def wait_for(ring, number):
    deadline_s = time.monotonic() + 5
    while not ring.is_ready(number):
        assert time.monotonic() < deadline_s
        time.sleep(0.01)


def test_a_block_is_handed_over_and_given_back(wires):
    wires.make("v0")
    ring = Ring(look_up("v0"), SETTINGS, EVERYTHING)
    try:
        assert (ring.blocks, len(ring.memory)) == (4, 4 << 20)
        for number in (0, 1, 2, 3, 0):
            assert not ring.is_ready(number)
            wires.send("v0", FRAME, FRAME)
            wait_for(ring, number)
            assert ring.statistics() == (2, 0, 0)
            block = ring.block(number)
            assert block.packets == 2
            assert ring.memory[block.first : block.end].count(FRAME) == 2
            ring.release(number)
        assert ring.statistics() == (0, 0, 0)
    finally:
        ring.close()


def test_nothing_comes_in_any_more(wires):
    wires.make("v0")
    ring = Ring(look_up("v0"), SETTINGS, EVERYTHING)
    try:
        wires.send("v0", FRAME)
        ring.refuse()
        wires.send("v0", FRAME)
        wait_for(ring, 0)
        assert ring.block(0).packets == 1
        assert ring.statistics() == (1, 0, 0)
    finally:
        ring.close()


@pytest.mark.parametrize("promiscuous", [True, False])
def test_promiscuous_mode_is_set_and_ends(wires, promiscuous):
    def is_promiscuous():
        said = subprocess.run(
            ["ip", "-d", "link", "show", "v0"], capture_output=True, text=True, check=True
        )
        return "promiscuity 1" in said.stdout

    wires.make("v0")
    ring = Ring(look_up("v0"), LiveSettings(("v0",), promiscuous=promiscuous), EVERYTHING)
    assert is_promiscuous() == promiscuous
    ring.close()
    assert not is_promiscuous()


def test_the_ring_outlives_its_closing_while_somebody_looks(wires):
    wires.make("v0")
    ring = Ring(look_up("v0"), SETTINGS, EVERYTHING)
    view = memoryview(ring.memory)
    ring.close()
    assert view[0:4] is not None
    view.release()
    ring.close()
    with pytest.raises(ValueError, match="closed"):
        ring.is_ready(0)


def test_an_interface_that_has_just_gone_is_told(wires):
    with pytest.raises(SourceError, match="gone: cannot be watched: No such device"):
        Ring(Interface("gone", 99, 1, 1500), SETTINGS, EVERYTHING)


def test_a_ring_that_memory_does_not_hold_is_told(wires, monkeypatch):
    wires.make("v0")
    monkeypatch.setattr(
        ring_module, "_FRAME_OCTETS", 1 << 30
    )  # the kernel finds that no frame fits a block
    with pytest.raises(SourceError, match="v0: cannot be watched: Invalid argument"):
        Ring(look_up("v0"), SETTINGS, EVERYTHING)
    error = OSError(12, "Cannot allocate memory")
    assert ring_module._reason(error) == "no memory for its ring: choose a smaller ring"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become another user")
def test_a_privilege_is_asked_for():
    """As a user without capabilities; loopback is there in every network."""
    code = (
        "from minewatch.readers.live.opening import open_rings\n"
        "from minewatch.readers.live.settings import LiveSettings\n"
        "from minewatch.errors import SourceError\n"
        "try:\n    open_rings(LiveSettings(('lo',)))\n"
        "except SourceError as error:\n    print(error)\n"
    )
    done = subprocess.run(
        ["setpriv", "--reuid", "65534", "--clear-groups", "--", sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={
            "PYTHONPATH": str(Path(ring_module.__file__).parents[3]),
            "PYTHONDONTWRITEBYTECODE": "1",
        },
    )
    assert done.stdout == (
        "lo: may not be watched: that needs CAP_NET_RAW; run as root, or give a service "
        "AmbientCapabilities=CAP_NET_RAW\n"
    ), done.stderr
