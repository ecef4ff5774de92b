# SPDX-License-Identifier: Apache-2.0
"""Kafka: alerts as messages with the alert's id as key, so that they keep their order.

librdkafka's own settings (TLS, SASL) are read from a file of ``name=value`` lines.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from minewatch.alert import Alert
from minewatch.alerts.forms.named import Form
from minewatch.alerts.sinks.refusal import RefusedError
from minewatch.errors import ConfigError, SinkError

if TYPE_CHECKING:
    from confluent_kafka import Producer

PORT: Final = 9092
TIMEOUT_S: Final = 10
_SETTINGS_OCTETS: Final = 65_536
_FORBIDDEN: Final = frozenset({"plugin.library.paths"})
"""Settings that load code."""


def settings_of(path: str) -> dict[str, str]:
    """Return settings of librdkafka from a file.

    Parameters
    ----------
    path : ``name=value`` lines; ``#`` begins a comment line.

    Raises
    ------
    ConfigError : it cannot be read, or a line is none.
    """
    try:
        with Path(path).open(encoding="utf-8") as file:
            text = file.read(_SETTINGS_OCTETS)
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from error
    settings = {}
    for number, line in enumerate(text.splitlines(), 1):
        name, equals, value = line.partition("=")
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if not equals or name.strip() in _FORBIDDEN:
            raise ConfigError(f"{path}: line {number}: name=value, and nothing that loads code")
        settings[name.strip()] = value.strip()
    return settings


class KafkaSink:
    """Publishes alerts to a topic.

    Parameters
    ----------
    name : for people.
    settings : of librdkafka, ``bootstrap.servers`` among them.
    topic : where to.
    form : of a message.
    timeout_s : until a batch must have been taken.

    Raises
    ------
    ConfigError : a setting is not known, the library is not there.
    """

    def __init__(
        self, name: str, settings: dict[str, str], topic: str, form: Form, timeout_s: int
    ) -> None:
        try:
            import confluent_kafka
        except ImportError as error:
            raise ConfigError(
                "kafka:// needs a library that is not here: pip install 'minewatch[sinks]'"
            ) from error
        self.name = name
        self._topic = topic
        self._form = form
        self._timeout_s = timeout_s
        self._library = confluent_kafka
        self._trouble = ""
        self._settings: dict[str, Any] = {
            "enable.idempotence": True,
            "linger.ms": 5,
            **settings,
            "delivery.timeout.ms": timeout_s * 1_000,
            "error_cb": self._keep_trouble,
            "logger": _silent(),
        }
        self._producer: Producer | None = None
        self._connect()

    def send(self, alerts: Sequence[Alert]) -> None:
        """Publish alerts and wait until the brokers have them."""
        producer = self._connect()
        failures: list[Any] = []
        taken = 0

        def told(error: Any, _: Any) -> None:
            nonlocal taken
            taken += error is None
            if error is not None:
                failures.append(error)

        try:
            for alert in alerts:
                producer.produce(
                    self._topic, self._form(alert).encode(), alert.id.encode(), on_delivery=told
                )
            producer.flush(self._timeout_s + 1)
        except (BufferError, self._library.KafkaException) as error:
            failures.append(error.args[0])
        if taken != len(alerts):
            self.close()
            self._fail(failures)

    def close(self) -> None:
        """Forget what was not taken."""
        if self._producer is not None:
            self._producer.purge()
            self._producer.flush(1)
            self._producer = None

    def _connect(self) -> Producer:
        if self._producer is None:
            try:
                self._producer = self._library.Producer(self._settings)
            except (self._library.KafkaException, ValueError, TypeError) as error:
                raise ConfigError(f"{self.name}: {error.args[0]}") from error
        return self._producer

    def _fail(self, failures: list[Any]) -> None:
        for failure in failures:
            code = failure.code() if isinstance(failure, self._library.KafkaError) else None
            if code == self._library.KafkaError.MSG_SIZE_TOO_LARGE:
                raise RefusedError(f"{self.name}: the message is too large for the broker")
        reason = self._trouble or (str(failures[0]) if failures else "no answer")
        self._trouble = ""
        raise SinkError(f"{self.name}: {reason}")

    def _keep_trouble(self, error: Any) -> None:
        self._trouble = error.str()


def _silent() -> logging.Logger:
    """Return a logger that says nothing: librdkafka writes to standard error otherwise."""
    logger = logging.Logger("librdkafka")
    logger.addHandler(logging.NullHandler())
    logger.propagate = False
    return logger
