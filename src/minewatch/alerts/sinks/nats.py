# SPDX-License-Identifier: Apache-2.0
"""NATS: alerts published to a subject; with JetStream each one is confirmed and stored once.

Each batch has its own connection: there are few, and a connection at rest would have to answer
the server's pings. Without JetStream the server confirms that it has read them, and no more.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from minewatch.alert import Alert
from minewatch.alerts.forms.named import Form
from minewatch.alerts.sinks.refusal import RefusedError
from minewatch.errors import ConfigError, SinkError

PORT: Final = 4222
TIMEOUT_S: Final = 10
_SHOWN_REASON: Final = 200


class SeenContext(ssl.SSLContext):
    """Knows whether TLS was used: the library goes on without if the server does not ask for it.

    Whoever sits between could have struck that out of what the server says in clear.
    """

    is_used = False

    def wrap_bio(self, *arguments: Any, **options: Any) -> ssl.SSLObject:
        """Begin TLS."""
        self.is_used = True
        return super().wrap_bio(*arguments, **options)


def tls_context(authorities: str) -> SeenContext:
    """Return what checks the server's certificate.

    Parameters
    ----------
    authorities : file of certificates; empty for those of the system.

    Raises
    ------
    ConfigError : there are none in it.
    """
    context = SeenContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        if authorities:
            context.load_verify_locations(authorities)
        else:
            context.load_default_certs()
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(f"ca_file={authorities}: no certificates: {error}") from error
    return context


class NatsSink:
    """Publishes alerts to a subject.

    Parameters
    ----------
    name : for people.
    server : ``nats://host:port`` or ``tls://host:port``.
    subject : where to.
    form : of a message.
    is_stream : the subject belongs to a stream of JetStream, which confirms each message.
    credentials : file with the user's JWT and key, empty for none.
    context : nothing is said without TLS; None to leave that to the server.

    Raises
    ------
    ConfigError : the library is not there, or no file of credentials.
    """

    def __init__(
        self,
        name: str,
        server: str,
        subject: str,
        form: Form,
        is_stream: bool = False,
        *,
        credentials: str = "",
        context: SeenContext | None = None,
    ) -> None:
        try:
            import nats
        except ImportError as error:
            raise ConfigError(
                "nats:// needs a library that is not here: pip install 'minewatch[sinks]'"
            ) from error
        if credentials and not Path(credentials).is_file():
            raise ConfigError(f"{credentials}: no such file of credentials")
        self.name = name
        self._library = nats
        self._server = server
        self._subject = subject
        self._form = form
        self._is_stream = is_stream
        self._trouble = ""
        self._credentials = credentials or None
        self._context = context

    def send(self, alerts: Sequence[Alert]) -> None:
        """Publish alerts and wait until the server has them."""
        messages = [
            (f"{alert.id}-{alert.revision}", self._form(alert).encode()) for alert in alerts
        ]
        errors = self._library.errors
        self._trouble = ""
        try:
            asyncio.run(asyncio.wait_for(self._publish(messages), 2 * TIMEOUT_S))
        except errors.MaxPayloadError as error:
            raise RefusedError(f"{self.name}: the message is too large for the server") from error
        except (errors.Error, OSError, TimeoutError) as error:
            reason = self._trouble or str(error).removeprefix("nats: ") or type(error).__name__
            raise SinkError(f"{self.name}: {reason}") from error

    def close(self) -> None:
        """Do nothing: each batch has its own connection."""

    async def _publish(self, messages: list[tuple[str, bytes]]) -> None:
        if self._context is not None:
            self._context.is_used = False
        connection = await self._library.connect(
            self._server,
            name="minewatch",
            allow_reconnect=False,
            # The first connection is tried once more all the same; not sixty times.
            max_reconnect_attempts=1,
            reconnect_time_wait=0.1,
            connect_timeout=TIMEOUT_S,
            user_credentials=self._credentials,
            tls=self._context,
            error_cb=self._keep_trouble,
        )
        try:
            if self._context is not None and not self._context.is_used:
                raise OSError("the server speaks no TLS, and nothing was sent")
            if self._is_stream:
                stream = connection.jetstream(timeout=TIMEOUT_S)
                for key, body in messages:
                    await stream.publish(self._subject, body, headers={"Nats-Msg-Id": key})
            else:
                for key, body in messages:
                    await connection.publish(self._subject, body, headers={"Nats-Msg-Id": key})
                await connection.flush(TIMEOUT_S)
        finally:
            await connection.close()

    async def _keep_trouble(self, error: Exception) -> None:
        """Keep why, for the call that fails only says that it does; the library logs otherwise."""
        self._trouble = " ".join(str(error).removeprefix("nats: ").split())[:_SHOWN_REASON]
        await asyncio.sleep(0)
