# SPDX-License-Identifier: Apache-2.0
"""Makes an interface send whole packets with true checksums.

``python -m demo_capture.offload eth0`` is ``ethtool -K eth0 tx off`` without needing ethtool.
"""

from __future__ import annotations

import ctypes
import fcntl
import socket
import struct
import sys

_SIOCETHTOOL = 0x8946
_ETHTOOL_STXCSUM = 0x17


def switch_off(interface: str) -> None:
    """Switch transmit checksum offload off, and with it segmentation offload."""
    value = ctypes.create_string_buffer(struct.pack("II", _ETHTOOL_STXCSUM, 0))
    request = struct.pack("16sP16x", interface.encode(), ctypes.addressof(value))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SIOCETHTOOL, request)


if __name__ == "__main__":
    switch_off(sys.argv[1])
