# SPDX-License-Identifier: Apache-2.0
"""UDP sockets that exporters send to, and reading many datagrams of one in one call.

One system call a datagram would cost more than decoding it, and each would hand the interpreter
to the decoding thread: recvmmsg (Linux) gives hundreds at once. What the kernel dropped because
nobody read in time is asked for with SO_MEMINFO, the counter that SO_RXQ_OVFL sends along with
datagrams; so the last drops are told too.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import ipaddress
import os
import socket
import struct
from typing import Final, NamedTuple

import numpy as np

from minewatch.errors import ConfigError
from minewatch.types import ByteArray, Int64Array

MAX_DATAGRAM_OCTETS: Final = 1 << 16
BATCH_DATAGRAMS: Final = 256
RECEIVE_BUFFER_OCTETS: Final = 64 << 20
"""Asked of the kernel; without the right to force it, it gives ``net.core.rmem_max`` at most."""

_SO_RCVBUFFORCE: Final = 33
_SO_MEMINFO: Final = 55
_MEMINFO: Final = struct.Struct("9I")
_DROPS: Final = 8
_MAX_NAME_OCTETS: Final = 28
_IPV4_NAME, _IPV6_NAME = slice(4, 8), slice(8, 24)
"""Where the address stands in a sockaddr_in, and in a sockaddr_in6."""


class Endpoint(NamedTuple):
    """An address to listen on."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can send to it."""
        return ipaddress.ip_address(self.host).is_loopback


def parse_endpoint(text: str, option: str) -> Endpoint:
    """Return the address in a text such as ``0.0.0.0:2055`` or ``[::1]:4739``.

    Parameters
    ----------
    text : address and port; of IPv6 the address in brackets.
    option : what the user named it with, for errors.

    Raises
    ------
    ConfigError : it is none.

    Examples
    --------
    >>> parse_endpoint("[::1]:4739", "--ipfix")
    Endpoint(host='::1', port=4739)
    """
    host, colon, port = text.strip().rpartition(":")
    is_bracketed = host.startswith("[") and host.endswith("]")
    try:
        address = ipaddress.ip_address(host[1:-1] if is_bracketed else host)
        if not colon or not (port.isascii() and port.isdigit()) or not 0 <= int(port) <= 65_535:
            raise ValueError("no port")
        if is_bracketed != (address.version == 6):
            raise ValueError("brackets are for IPv6")
    except ValueError as error:
        raise ConfigError(
            f"{option} {text}: no address and port; write 0.0.0.0:2055 or [::]:2055"
        ) from error
    return Endpoint(str(address), int(port))


class ExportSocket:
    """A bound UDP socket.

    Parameters
    ----------
    endpoint : where it listens; port 0 takes a free one.
    option : what the user named it with, for errors.

    Raises
    ------
    ConfigError : it cannot be bound.
    """

    def __init__(self, endpoint: Endpoint, option: str) -> None:
        family = socket.AF_INET6 if ":" in endpoint.host else socket.AF_INET
        try:
            self._socket = socket.socket(family, socket.SOCK_DGRAM)
        except OSError as error:
            raise ConfigError(f"{option} {endpoint}: {error.strerror or error}") from error
        try:
            if family == socket.AF_INET6:
                self._socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            self._widen()
            self._socket.setblocking(False)
            self._socket.bind(tuple(endpoint))
        except OSError as error:
            self._socket.close()
            raise ConfigError(
                f"{option} {endpoint}: {error.strerror or error}; choose another address or port, "
                "or end the program that listens there"
            ) from error
        self.endpoint = Endpoint(endpoint.host, self._socket.getsockname()[1])
        self.number = self._socket.fileno()

    def _widen(self) -> None:
        with contextlib.suppress(PermissionError):
            self._socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, RECEIVE_BUFFER_OCTETS)
            return
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_OCTETS)

    @property
    def buffer_octets(self) -> int:
        """What the kernel keeps of datagrams that were not read yet."""
        return self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)

    @property
    def dropped(self) -> int:
        """Datagrams that the kernel dropped here; 0 from kernels older than Linux 4.12."""
        with contextlib.suppress(OSError):
            told = self._socket.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, _MEMINFO.size)
            return int(_MEMINFO.unpack(told)[_DROPS])
        return 0

    def close(self) -> None:
        """Close it."""
        self._socket.close()


class _Piece(ctypes.Structure):
    """The iovec of the system's headers."""

    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


class _Header(ctypes.Structure):
    """The msghdr of the system's headers."""

    _fields_ = (
        ("name", ctypes.c_void_p),
        ("name_octets", ctypes.c_uint32),
        ("pieces", ctypes.c_void_p),
        ("n_pieces", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("control_octets", ctypes.c_size_t),
        ("flags", ctypes.c_int),
    )


class _Message(ctypes.Structure):
    """The mmsghdr of the system's headers."""

    _fields_ = (("header", _Header), ("octets", ctypes.c_uint32))


_ANSWERED: Final = np.dtype(
    {
        "names": ["name_octets", "octets"],
        "formats": [np.uint32, np.uint32],
        "offsets": [_Header.name_octets.offset, _Message.octets.offset],
        "itemsize": ctypes.sizeof(_Message),
    }
)
"""What the kernel writes into a message, and what is set anew before the next call."""
_LIBC: Final = ctypes.CDLL(None, use_errno=True)


class Batch:
    """Room for datagrams of one call, used again and again.

    Memory is taken as datagrams fill it: a page or two each for real ones.

    Parameters
    ----------
    size : datagrams.
    """

    def __init__(self, size: int = BATCH_DATAGRAMS) -> None:
        self.received_ns = 0
        self.endpoint = Endpoint("0.0.0.0", 0)
        self.n = 0
        self._room: ByteArray = np.zeros(size * MAX_DATAGRAM_OCTETS, np.uint8)
        self._view = self._room.data.toreadonly()
        self._names: ByteArray = np.zeros((size, _MAX_NAME_OCTETS), np.uint8)
        self._pieces = (_Piece * size)()
        octets = bytearray(size * ctypes.sizeof(_Message))
        self._messages = (_Message * size).from_buffer(octets)
        self._size = size
        for i in range(size):
            piece, header = self._pieces[i], self._messages[i].header
            piece.base = self._room.ctypes.data + i * MAX_DATAGRAM_OCTETS
            piece.length = MAX_DATAGRAM_OCTETS
            header.name = self._names.ctypes.data + i * _MAX_NAME_OCTETS
            header.pieces = ctypes.addressof(piece)
            header.n_pieces = 1
        self._answered = np.frombuffer(octets, _ANSWERED)

    def receive(self, source: ExportSocket) -> int:
        """Fill it with the datagrams that wait at a socket; return how many, 0 if none does.

        Parameters
        ----------
        source : the socket.

        Raises
        ------
        OSError : the socket cannot be read any longer.
        """
        self._answered["name_octets"] = _MAX_NAME_OCTETS
        n = _LIBC.recvmmsg(source.number, self._messages, self._size, socket.MSG_DONTWAIT, None)
        if n < 0:
            number = ctypes.get_errno()
            if number not in (errno.EAGAIN, errno.EWOULDBLOCK, errno.EINTR, errno.ECONNREFUSED):
                raise OSError(number, os.strerror(number))
            n = 0
        self.n = int(n)
        self.endpoint = source.endpoint
        return self.n

    @property
    def lengths(self) -> Int64Array:
        """Octets of each datagram."""
        lengths: Int64Array = self._answered["octets"][: self.n].astype(np.int64)
        return lengths

    def sender(self, i: int) -> bytes:
        """Return the address that a datagram came from: 4 octets, 16 of IPv6."""
        where = _IPV6_NAME if ":" in self.endpoint.host else _IPV4_NAME
        return self._names[i, where].tobytes()

    def datagram(self, i: int, octets: int) -> memoryview:
        """Return the octets of a datagram, valid until the next call of ``receive``."""
        begin = i * MAX_DATAGRAM_OCTETS
        return self._view[begin : begin + octets]
