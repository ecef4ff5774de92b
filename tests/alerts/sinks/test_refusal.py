# SPDX-License-Identifier: Apache-2.0
from minewatch.alerts.sinks.refusal import RefusedError
from minewatch.errors import SinkError


def test_a_refusal_is_a_sink_error():
    assert issubclass(RefusedError, SinkError)
