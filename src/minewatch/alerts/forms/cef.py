# SPDX-License-Identifier: Apache-2.0
r"""CEF: ArcSight's Common Event Format, version 0, as its Implementation Standard 26 says.

In the header ``|`` and ``\`` are escaped, in the extension ``=`` and ``\``. No line breaks get that
far: they are spelled out with all other control characters.
"""

from __future__ import annotations

from typing import Final

from minewatch import __version__
from minewatch.alert import TECHNIQUE, Alert, Severity
from minewatch.alerts.forms.clean import address_or_none, printable
from minewatch.alerts.forms.wording import sentences, title, transport

SEVERITIES: Final = {Severity.LOW: 3, Severity.MEDIUM: 6, Severity.HIGH: 9}
ALLOWED_SEVERITY: Final = 1
EVENT: Final = "cryptomining"
_MESSAGE_CHARACTERS: Final = 1_000
"""Of ``msg``, by the standard 1,023."""
_SHORT_CHARACTERS: Final = 255


def message(alert: Alert) -> str:
    """Return an alert as a message of CEF, one line.

    Parameters
    ----------
    alert : any alert.
    """
    severity = ALLOWED_SEVERITY if alert.allowed_by else SEVERITIES[alert.severity]
    header = (
        *("minewatch", "minewatch", __version__),
        *(EVENT, title(alert), str(severity)),
    )
    extension = " ".join(
        f"{key}={_escaped(printable(value, _MESSAGE_CHARACTERS))}"
        for key, value in _fields(alert).items()
        if value
    )
    return f"CEF:0|{'|'.join(map(_header, header))}|{extension}"


def _fields(alert: Alert) -> dict[str, str | None]:
    return {
        "rt": _milliseconds(alert.updated_ns),
        "start": _milliseconds(alert.first_seen_ns),
        "end": _milliseconds(alert.last_seen_ns),
        **_end(alert.host, "src", "c6a2", "Source IPv6 Address", "shost"),
        **_end(alert.pool, "dst", "c6a3", "Destination IPv6 Address", "dhost"),
        "dpt": str(alert.pool_port),
        **({"dhost": printable(alert.pool_name, _SHORT_CHARACTERS)} if alert.pool_name else {}),
        "proto": transport(alert.protocol_identifier).upper(),
        "cnt": str(alert.conversations),
        "externalId": alert.id,
        "act": str(alert.change),
        "cat": TECHNIQUE,
        "deviceDirection": "1",
        "deviceExternalId": printable(alert.source, _SHORT_CHARACTERS),
        "cfp1": f"{alert.mining_probability:.6f}",
        "cfp1Label": "Mining probability",
        "cn1": str(alert.revision),
        "cn1Label": "Revision",
        **_labelled("cs1", "Community ID", alert.community_ids[-1] if alert.community_ids else ""),
        **_labelled("cs2", "Algorithm", alert.identity.get("algorithm")),
        **_labelled("cs3", "Tags", ",".join(alert.tags)),
        **_labelled("cs4", "Allowed by", alert.allowed_by),
        "msg": sentences(alert),
    }


def _end(address: str, short: str, six: str, label: str, name: str) -> dict[str, str]:
    """Return one end: CEF's ``src`` and ``dst`` hold IPv4 addresses only."""
    if address_or_none(address) is None:
        return {name: address}
    if ":" in address:
        return {six: address, f"{six}Label": label}
    return {short: address}


def _labelled(key: str, label: str, value: str | None) -> dict[str, str]:
    return {key: value, f"{key}Label": label} if value else {}


def _header(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|")


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("=", "\\=")


def _milliseconds(time_ns: int) -> str:
    return str(time_ns // 1_000_000)
