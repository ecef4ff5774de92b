# SPDX-License-Identifier: Apache-2.0
"""An alert in words, for a person on duty."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from minewatch.alert import Alert, Change
from minewatch.alerts.forms.clean import moment, printable
from minewatch.types import Evidence

TITLE_CHARACTERS: Final = 140
_NAME_CHARACTERS: Final = 64
_VERBS: Final = {
    Change.NEW: "mines",
    Change.UPDATED: "goes on mining",
    Change.ENDED: "no longer mines",
}
_WITHDRAWN: Final = "does not seem to mine"
TRANSPORTS: Final = {1: "icmp", 6: "tcp", 17: "udp", 58: "ipv6-icmp", 132: "sctp"}


def title(alert: Alert) -> str:
    """Return what happens, in one short line.

    Parameters
    ----------
    alert : any alert.
    """
    verb = _VERBS[alert.change] if alert.conversations else _WITHDRAWN
    allowed = ", as allowed" if alert.allowed_by else ""
    host = printable(alert.host, _NAME_CHARACTERS)
    return f"{host} {verb} at {pool(alert)}{allowed}"[:TITLE_CHARACTERS]


def pool(alert: Alert) -> str:
    """Return the pool as a person would write it: name, address and port.

    Parameters
    ----------
    alert : any alert.
    """
    address = printable(alert.pool, _NAME_CHARACTERS)
    place = f"[{address}]:{alert.pool_port}" if ":" in address else f"{address}:{alert.pool_port}"
    if not alert.pool_name:
        return place
    return f"{printable(alert.pool_name, _NAME_CHARACTERS)} ({place})"


def sentences(alert: Alert) -> str:
    """Return the alert in a few sentences on one line, the strongest reason in its own words.

    Parameters
    ----------
    alert : any alert.
    """
    since = f"since {moment(alert.first_seen_ns)}"
    probability = f"{alert.mining_probability:.3f}"
    if alert.conversations:
        many = "" if alert.conversations == 1 else "s"
        parts = [
            f"{title(alert)}. Severity {alert.severity}, probability {probability},",
            f"{alert.conversations} conversation{many} {since}.",
        ]
        if algorithm := alert.identity.get("algorithm"):
            parts.append(f"Algorithm {printable(algorithm, _NAME_CHARACTERS)}.")
    else:
        parts = [
            f"{title(alert)}: what was seen {since} speaks against it",
            f"(probability now {probability}).",
        ]
    if reason := next(reasons(alert), None):
        parts.append(printable(reason.text))
    return " ".join(parts)


def reasons(alert: Alert) -> Iterator[Evidence]:
    """Yield what speaks for what the alert says, the strongest first.

    That is for mining; where the alert was withdrawn, against it.

    Parameters
    ----------
    alert : any alert.
    """
    for item in alert.evidence:
        if (item.contribution > 0) == (alert.conversations > 0):
            yield item


def transport(protocol_identifier: int) -> str:
    """Return the name of a transport protocol, or its number as text.

    Parameters
    ----------
    protocol_identifier : of IP.

    Examples
    --------
    >>> transport(6), transport(99)
    ('tcp', '99')
    """
    return TRANSPORTS.get(protocol_identifier, str(protocol_identifier))
