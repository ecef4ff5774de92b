# SPDX-License-Identifier: Apache-2.0
"""Ids of alerts: the same whenever the same traffic is watched, scanned or watched again."""

from __future__ import annotations

from typing import Final

from minewatch.alert import alert_id
from minewatch.alerts.finding import Finding

HOUR_NS: Final = 3600 * 1_000_000_000


def id_of(found: Finding) -> str:
    """Return the id of the alert that a finding raises.

    It is made from the hour (UTC) in which the conversation began, and not from the moment: of two
    conversations that a host opens with a pool at the same time, a watch may flag the second one
    first, and a scan knows the first one. Only where an hour begins between the two do their ids
    differ. Two alerts of one host and pool begin more than an hour apart.

    Parameters
    ----------
    found : the conversation that is flagged first.
    """
    hour_ns = found.start_ns - found.start_ns % HOUR_NS
    return alert_id(found.host, found.pool, found.server_port, hour_ns)
