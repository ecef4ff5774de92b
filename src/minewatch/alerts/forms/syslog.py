# SPDX-License-Identifier: Apache-2.0
"""Messages of syslog, RFC 5424: the alert's chief fields as structured data, then any form's text.

The name of the structured data carries 32473, the enterprise number that RFC 5612 sets aside for
examples: minewatch has none of its own.
"""

from __future__ import annotations

import re
from typing import Final

from minewatch.alert import Alert, Change, Severity
from minewatch.alerts.forms.clean import moment, printable

DATA_NAME: Final = "minewatch@32473"
FACILITIES: Final = {
    **{"kern": 0, "user": 1, "daemon": 3, "auth": 4, "syslog": 5, "authpriv": 10},
    **{f"local{number}": 16 + number for number in range(8)},
}
CRITICAL, WARNING, NOTICE = 2, 4, 5
_SEVERITIES: Final = {
    Severity.HIGH: CRITICAL,
    Severity.MEDIUM: WARNING,
    Severity.LOW: NOTICE,
}
_HOSTNAME_CHARACTERS: Final = 255
_VALUE_CHARACTERS: Final = 255


def frame(alert: Alert, text: str, facility: int, hostname: str) -> bytes:
    """Return one message of syslog.

    Parameters
    ----------
    alert : what it is about.
    text : the message proper, in one line.
    facility : number of RFC 5424, table 1.
    hostname : of the machine that watches.
    """
    severity = NOTICE if alert.change is Change.ENDED else _SEVERITIES[alert.severity]
    head = " ".join(
        (
            f"<{8 * facility + severity}>1",
            moment(alert.updated_ns),
            _name(hostname),
            "minewatch",
            "-",
            str(alert.change).upper(),
            _data(alert),
        )
    )
    # Section 6.4: text that is not ASCII begins with the byte order mark.
    mark = "" if text.isascii() else "\ufeff"
    return f"{head} {mark}{text}".encode("utf-8", "backslashreplace")


def _data(alert: Alert) -> str:
    fields = {
        "id": alert.id,
        "revision": alert.revision,
        "severity": alert.severity,
        "host": alert.host,
        "pool": alert.pool,
        "port": alert.pool_port,
        "name": alert.pool_name,
        "probability": f"{alert.mining_probability:.6f}",
        "allowed_by": alert.allowed_by,
    }
    values = " ".join(
        f'{key}="{_escaped(str(value))}"' for key, value in fields.items() if value is not None
    )
    return f"[{DATA_NAME} {values}]"


def _escaped(value: str) -> str:
    r"""Return a value with ``"``, ``\`` and ``]`` escaped (section 6.3.3)."""
    return re.sub(r'(["\\\]])', r"\\\1", printable(value, _VALUE_CHARACTERS))


def _name(hostname: str) -> str:
    return re.sub(r"[^!-~]", "_", hostname)[:_HOSTNAME_CHARACTERS] or "-"
