# SPDX-License-Identifier: Apache-2.0
import numpy as np

from minewatch.lab.simulator.ssh import CLIENT_BANNERS, SERVER_BANNERS, packet_octets


def test_packets_are_padded_to_eight_and_carry_a_tag():
    made = packet_octets(np.arange(1, 400))
    assert made[0] == 36  # a key typed over chacha20-poly1305
    assert ((made - 20) % 8 == 0).all()
    least = np.arange(1, 400) + 9 + 1 + 4 + 4 + 16
    assert ((made >= least) & (made < least + 8)).all()


def test_banners_are_what_the_protocol_asks_for():
    for banner in (*CLIENT_BANNERS, *SERVER_BANNERS):
        assert banner.startswith(b"SSH-2.0-")
        assert banner.endswith(b"\r\n")
        assert len(banner) <= 255
