# SPDX-License-Identifier: Apache-2.0
"""Webhooks: one alert a POST, signed if there is a secret; redirects are not followed.

The signature is the HMAC-SHA256 (RFC 2104) of the body, in hexadecimal, as GitHub's webhooks have
it: ``X-Minewatch-Signature-256: sha256=...``.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import ssl
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from minewatch import __version__
from minewatch.alert import Alert
from minewatch.alerts.forms.named import Form
from minewatch.alerts.sinks.place import mark
from minewatch.alerts.sinks.refusal import RefusedError
from minewatch.errors import ConfigError, SinkError

SIGNATURE_HEADER: Final = "X-Minewatch-Signature-256"
ID_HEADER: Final = "X-Minewatch-Alert"
TIMEOUT_S: Final = 10
_ANSWER_OCTETS: Final = 16_384
_REFUSALS: Final = frozenset({400, 413, 422})
"""Answers that are about the body; all others may be different next time."""


@dataclass(frozen=True, slots=True)
class Hook:
    """Where to post.

    Parameters
    ----------
    is_tls : HTTPS.
    host : of the server.
    port : of the server.
    target : path and query; may hold a token.
    """

    is_tls: bool
    host: str
    port: int
    target: str

    @property
    def shown(self) -> str:
        """The host, and a mark that tells two hooks there apart."""
        return f"{self.host}:{self.port}#{mark(self.target)}"


def hook_of(url: str) -> Hook:
    """Return where to post.

    Parameters
    ----------
    url : of HTTP or HTTPS, without options.

    Raises
    ------
    ConfigError : it is no such URL, or names a user.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ConfigError("address of the webhook: no URL") from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigError("address of the webhook: begins with https:// and a host")
    if parts.username is not None:
        raise ConfigError("address of the webhook: no user in it; use secret_env or secret_file")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if not (target.isascii() and target.isprintable() and " " not in target):
        raise ConfigError("address of the webhook: percent-encode what is not plain ASCII")
    is_tls = parts.scheme == "https"
    return Hook(is_tls, parts.hostname, port or (443 if is_tls else 80), target)


class WebhookSink:
    """Posts alerts to a web server.

    Parameters
    ----------
    name : for people.
    hook : where to.
    form : of the body, a form of JSON.
    secret : key of the signature; None for no signature.
    timeout_s : for the whole exchange.
    """

    most_at_once = 1
    """A failure half-way would send those before it again."""

    def __init__(
        self, name: str, hook: Hook, form: Form, secret: bytes | None, timeout_s: int
    ) -> None:
        self.name = name
        self._hook = hook
        self._form = form
        self._secret = secret
        self._timeout_s = timeout_s
        self._context = ssl.create_default_context() if hook.is_tls else None

    def send(self, alerts: Sequence[Alert]) -> None:
        """Post alerts one after another."""
        for alert in alerts:
            status = self._post(alert)
            if status // 100 == 3:
                raise SinkError(f"{self.name}: a redirect (status {status}); name the new address")
            if status in _REFUSALS:
                raise RefusedError(f"{self.name}: refused, status {status}")
            if status // 100 != 2:
                raise SinkError(f"{self.name}: status {status}")

    def close(self) -> None:
        """Do nothing: each alert has its own connection."""

    def _post(self, alert: Alert) -> int:
        body = self._form(alert).encode("ascii")
        connection = self._connection()
        # A server that sends an octet now and then would never time out by itself.
        deadline = threading.Timer(self._timeout_s, _cut, (connection,))
        deadline.daemon = True
        deadline.start()
        try:
            connection.request("POST", self._hook.target, body, self._headers(alert, body))
            answer = connection.getresponse()
            answer.read(_ANSWER_OCTETS)
            return answer.status
        except (OSError, http.client.HTTPException, ValueError) as error:
            # ValueError: the deadline closed what was being read.
            reason = getattr(error, "strerror", None) or type(error).__name__
            raise SinkError(f"{self.name}: {reason}") from error
        finally:
            deadline.cancel()
            connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        place = (self._hook.host, self._hook.port)
        if self._context is None:
            return http.client.HTTPConnection(*place, timeout=self._timeout_s)
        return http.client.HTTPSConnection(*place, timeout=self._timeout_s, context=self._context)

    def _headers(self, alert: Alert, body: bytes) -> dict[str, str]:
        headers = {
            "Content-Type": "application/json",
            "User-Agent": f"minewatch/{__version__}",
            ID_HEADER: f"{alert.id}-{alert.revision}",
        }
        if self._secret is not None:
            digest = hmac.new(self._secret, body, hashlib.sha256).hexdigest()
            headers[SIGNATURE_HEADER] = f"sha256={digest}"
        return headers


def _cut(connection: http.client.HTTPConnection) -> None:
    """End an exchange that takes too long, from another thread."""
    if (open_socket := connection.sock) is not None:
        try:
            open_socket.shutdown(2)
        except OSError:
            return
