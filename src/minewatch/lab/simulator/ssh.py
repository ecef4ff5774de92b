# SPDX-License-Identifier: Apache-2.0
"""What SSH makes of the octets inside it."""

from __future__ import annotations

from typing import Final

from minewatch.lab.simulator.script import IntArray

CLIENT_BANNERS: Final = (
    b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u2\r\n",
    b"SSH-2.0-OpenSSH_8.9p1 Ubuntu-3ubuntu0.6\r\n",
    b"SSH-2.0-PuTTY_Release_0.80\r\n",
    b"SSH-2.0-libssh2_1.11.0\r\n",
    b"SSH-2.0-Go\r\n",
    b"SSH-2.0-paramiko_3.4.0\r\n",
)
SERVER_BANNERS: Final = (
    b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u2\r\n",
    b"SSH-2.0-OpenSSH_8.9p1 Ubuntu-3ubuntu0.6\r\n",
    b"SSH-2.0-OpenSSH_9.6\r\n",
)

CHANNEL_OCTETS: Final = 9
"""Message number, channel and length in front of a channel's data."""
BLOCK_OCTETS: Final = 8
TAG_OCTETS: Final = 16
"""chacha20-poly1305, OpenSSH's first choice; AES-GCM has as many."""


def packet_octets(data: IntArray) -> IntArray:
    """Return lengths on the wire of packets that carry a channel's data.

    Length (4, outside the padded blocks as chacha20-poly1305 has it), padding length (1), the data,
    at least 4 octets of padding up to a multiple of 8, and the tag: a key typed is 36 octets.

    Examples
    --------
    >>> import numpy as np
    >>> packet_octets(np.array([1, 100]))
    array([ 36, 140])
    """
    body = 1 + CHANNEL_OCTETS + data + 4
    return 4 + -(-body // BLOCK_OCTETS) * BLOCK_OCTETS + TAG_OCTETS
