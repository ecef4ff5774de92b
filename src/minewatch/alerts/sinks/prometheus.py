# SPDX-License-Identifier: Apache-2.0
"""Metrics for Prometheus at ``/metrics``: alerts told and open, and what other parts measure.

Hosts and pools are no labels: whoever makes many of them would fill the server's memory.
"""

from __future__ import annotations

import socket
import threading
from collections import Counter, OrderedDict
from collections.abc import Iterator, Sequence
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING, Any, Final
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from minewatch.alert import Alert, Change
from minewatch.alerts.measures import Measure, Measures
from minewatch.errors import ConfigError

if TYPE_CHECKING:
    from prometheus_client.core import Metric

PORT: Final = 9477
LOOPBACK: Final = "127.0.0.1"
_TIMEOUT_S: Final = 10
_KNOWN: Final = 65_536
"""Alerts remembered: those told twice are counted once, the open ones are counted."""
_SCRAPERS: Final = 16


class _Handler(WSGIRequestHandler):
    timeout = _TIMEOUT_S

    def log_message(self, format: str, *args: Any) -> None:
        """Write nothing to standard error."""


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._room = threading.BoundedSemaphore(_SCRAPERS)
        super().__init__(*args, **kwargs)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve in a thread of its own, if there are not too many."""
        if not self._room.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve one scraper."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._room.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Write nothing to standard error: a scraper went away."""


class _Server6(_Server):
    address_family = socket.AF_INET6


class PrometheusSink:
    """Serves metrics over HTTP.

    Parameters
    ----------
    name : for people.
    host : address to listen at; empty for loopback.
    port : the same; 0 for any.

    Raises
    ------
    ConfigError : nobody can listen there, the library is not here.
    """

    def __init__(self, name: str, host: str, port: int) -> None:
        try:
            from prometheus_client import make_wsgi_app
            from prometheus_client.registry import CollectorRegistry
        except ImportError as error:
            raise ConfigError(
                "prometheus:// needs a library that is not here: pip install 'minewatch[sinks]'"
            ) from error
        self.name = name
        self._lock = threading.Lock()
        self._told: Counter[tuple[str, str]] = Counter()
        self._known: OrderedDict[str, tuple[int, str | None]] = OrderedDict()
        self._last_s = 0.0
        self._sources: list[Measures] = [self._own]
        registry = CollectorRegistry()
        registry.register(self)
        kind = _Server6 if ":" in host else _Server
        app = make_wsgi_app(registry)
        try:
            self._server = make_server(host or LOOPBACK, port, app, kind, _Handler)
        except OSError as error:
            raise ConfigError(f"{name}: cannot listen there: {error.strerror}") from error
        self._thread = threading.Thread(
            target=self._server.serve_forever, name="prometheus", daemon=True
        )
        self._thread.start()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.server_port)

    def attach(self, measures: Measures) -> None:
        """Show further numbers.

        Parameters
        ----------
        measures : asked at each scrape.
        """
        self._sources.append(measures)

    def send(self, alerts: Sequence[Alert]) -> None:
        """Count alerts; one told twice is counted once."""
        with self._lock:
            for alert in alerts:
                revision, _ = self._known.get(alert.id, (0, None))
                if alert.revision <= revision:
                    continue
                is_open = alert.change is not Change.ENDED
                self._known[alert.id] = (alert.revision, str(alert.severity) if is_open else None)
                self._known.move_to_end(alert.id)
                self._told[str(alert.change), str(alert.severity)] += 1
                self._last_s = max(self._last_s, alert.updated_ns / 1e9)
            while len(self._known) > _KNOWN:
                self._known.popitem(last=False)

    def close(self) -> None:
        """Listen no longer."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics, as the library asks for them."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        families: dict[str, CounterMetricFamily | GaugeMetricFamily] = {}
        for source in self._sources:
            for measure in source():
                names = tuple(measure.labels)
                kind = CounterMetricFamily if measure.is_counter else GaugeMetricFamily
                family = families.setdefault(
                    measure.name,
                    kind(f"minewatch_{measure.name}", measure.text, labels=names),
                )
                family.add_metric(list(measure.labels.values()), measure.value)
        yield from families.values()

    def describe(self) -> Sequence[Metric]:
        """Return nothing: what there is to measure may come later."""
        return ()

    def _own(self) -> Iterator[Measure]:
        with self._lock:
            told = dict(self._told)
            still = Counter(severity for _, severity in self._known.values() if severity)
            last_s = self._last_s
        for change in ("new", "updated", "ended"):
            for severity in ("low", "medium", "high"):
                yield Measure(
                    "alerts",
                    told.get((change, severity), 0),
                    "Alerts told since the start.",
                    {"change": change, "severity": severity},
                )
        for severity in ("low", "medium", "high"):
            yield Measure(
                "open_alerts",
                still.get(severity, 0),
                "Alerts that have not ended.",
                {"severity": severity},
                is_counter=False,
            )
        yield Measure(
            "last_alert_timestamp_seconds",
            last_s,
            "Time of the latest alert, by the clock of the traffic; 0 before the first.",
            is_counter=False,
        )
