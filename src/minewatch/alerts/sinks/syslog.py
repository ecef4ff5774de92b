# SPDX-License-Identifier: Apache-2.0
"""Syslog: RFC 5424 over UDP (RFC 5426), over TCP with octet counting (RFC 6587), TLS or a socket.

Syslog knows no receipts. Over TCP and TLS each batch has its own connection: when everything is
sent the sink closes its side and waits for the server to close the other, which it does when it
has read to the end. If the server dies before, its system resets the connection and the alerts
are sent again. Over UDP nobody can know.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import socket
import ssl
import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from minewatch.alert import Alert
from minewatch.alerts.forms.named import Form
from minewatch.alerts.forms.syslog import frame
from minewatch.alerts.sinks.refusal import RefusedError
from minewatch.errors import SinkError

PORT: Final = 514
TLS_PORT: Final = 6514
TIMEOUT_S: Final = 10
_CLOSE_S: Final = 5.0
"""A server that has taken everything and holds the connection open is believed after this."""
_SIOCOUTQ: Final = 0x5411
MAX_DATAGRAM: Final = 60_000
MAX_FRAME: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Writing:
    """How a message is written.

    Parameters
    ----------
    form : of the text.
    facility : number of it.
    hostname : of this machine.
    """

    form: Form
    facility: int
    hostname: str

    def message(self, alert: Alert) -> bytes:
        """Return one message."""
        return frame(alert, self.form(alert), self.facility, self.hostname)


class DatagramSink:
    """Sends alerts by UDP, or to a socket of this machine such as ``/dev/log``.

    Parameters
    ----------
    name : for people.
    target : host and port, or the path of a socket.
    writing : how messages are written.
    """

    def __init__(self, name: str, target: tuple[str, int] | str, writing: Writing) -> None:
        self.name = name
        self._target = target
        self._writing = writing

    def send(self, alerts: Sequence[Alert]) -> None:
        """Send alerts, one a datagram."""
        messages = [self._writing.message(alert) for alert in alerts]
        if max(map(len, messages), default=0) > MAX_DATAGRAM:
            raise RefusedError(f"{self.name}: longer than a datagram of {MAX_DATAGRAM:,} octets")
        try:
            with self._connected() as connection:
                for message in messages:
                    connection.send(message)
        except OSError as error:
            kind = RefusedError if error.errno == errno.EMSGSIZE else SinkError
            raise kind(f"{self.name}: {error.strerror or error}") from error

    def close(self) -> None:
        """Do nothing: each batch has its own socket."""

    def _connected(self) -> socket.socket:
        address: tuple[object, ...] | str = self._target
        if isinstance(self._target, str):
            made = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        else:
            family, kind, protocol, _, address = socket.getaddrinfo(
                *self._target, type=socket.SOCK_DGRAM
            )[0]
            made = socket.socket(family, kind, protocol)
        made.settimeout(TIMEOUT_S)
        try:
            made.connect(address)
        except OSError:
            made.close()
            raise
        return made


class StreamSink:
    """Sends alerts by TCP or TLS, a connection for each batch.

    Parameters
    ----------
    name : for people.
    target : host and port.
    writing : how messages are written.
    context : None for TCP without TLS.
    """

    def __init__(
        self,
        name: str,
        target: tuple[str, int],
        writing: Writing,
        context: ssl.SSLContext | None = None,
    ) -> None:
        self.name = name
        self._target = target
        self._writing = writing
        self._context = context

    def send(self, alerts: Sequence[Alert]) -> None:
        """Send alerts, each preceded by its length, and wait until the server has read them."""
        messages = [self._writing.message(alert) for alert in alerts]
        if max(map(len, messages), default=0) > MAX_FRAME:
            raise RefusedError(f"{self.name}: longer than {MAX_FRAME:,} octets")
        data = b"".join(b"%d %b" % (len(message), message) for message in messages)
        try:
            with self._connected() as connection:
                connection.sendall(data)
                self._see_it_read(connection)
        except OSError as error:
            reason = error.strerror or str(error) or type(error).__name__
            raise SinkError(f"{self.name}: {reason}") from error

    def close(self) -> None:
        """Do nothing: each batch has its own connection."""

    def _connected(self) -> socket.socket:
        plain = socket.create_connection(self._target, TIMEOUT_S)
        if self._context is None:
            return plain
        try:
            return self._context.wrap_socket(plain, server_hostname=self._target[0])
        except OSError:
            plain.close()
            raise

    def _see_it_read(self, connection: socket.socket) -> None:
        """Close our side and wait for the other."""
        if isinstance(connection, ssl.SSLSocket):
            connection.settimeout(_CLOSE_S)
            with contextlib.suppress(TimeoutError, ssl.SSLEOFError):
                # Sends the notice of the end, and waits for the server's.
                connection = connection.unwrap()
        connection.settimeout(_CLOSE_S)
        connection.shutdown(socket.SHUT_WR)
        deadline = time.monotonic() + _CLOSE_S
        try:
            # A server has nothing to say; one that talks is not listened to for ever.
            while connection.recv(4_096) and time.monotonic() < deadline:
                pass
        except TimeoutError:
            if _unacknowledged(connection):
                raise


def _unacknowledged(connection: socket.socket) -> int:
    """Return the octets that the other side's system has not taken yet."""
    answer = fcntl.ioctl(connection.fileno(), _SIOCOUTQ, struct.pack("i", 0))
    return int(struct.unpack("i", answer)[0])
