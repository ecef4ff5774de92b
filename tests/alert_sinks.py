# SPDX-License-Identifier: Apache-2.0
"""Sinks for tests, which remember what they got and fail as they are told."""

import threading
import time

from minewatch.errors import SinkError


class Memory:
    """Remembers alerts; `fault` is raised, or called with the alerts, before they are taken."""

    def __init__(self, name="memory", fault=None):
        self.name = name
        self.fault = fault
        self.got = []
        self.tries = 0
        self.is_closed = False
        self._lock = threading.Lock()

    def send(self, alerts):
        self.tries += 1
        if isinstance(self.fault, Exception):
            raise self.fault
        if self.fault is not None:
            self.fault(alerts)
        with self._lock:
            self.got += alerts

    def close(self):
        self.is_closed = True

    def keys(self):
        with self._lock:
            return [(alert.id, alert.revision) for alert in self.got]


def down(name="it"):
    return SinkError(f"{name}: connection refused")


def wait_for(condition, patience_s=20.0):
    """Wait until something is true; fails if it never is."""
    deadline = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def keys(alerts):
    return [(alert.id, alert.revision) for alert in alerts]
