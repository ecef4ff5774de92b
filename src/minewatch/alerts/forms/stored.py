# SPDX-License-Identifier: Apache-2.0
"""Alerts as minewatch itself keeps them: JSON with every field, read back exactly.

The reader ignores fields that it does not know and refuses another version.
"""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import Final

import msgspec

from minewatch.alert import Alert

STORED_VERSION: Final = 1
_VERSION: Final = "stored_version"


def write(alert: Alert) -> str:
    """Return an alert as one line of ASCII.

    Parameters
    ----------
    alert : any alert.

    Raises
    ------
    ValueError : a number in it is not finite.
    """
    # ``asdict`` would copy a mapping of any kind by its own class; the plain ones will do.
    fields = {name: getattr(alert, name) for name in _FIELDS}
    fields["evidence"] = [asdict(evidence) for evidence in alert.evidence]
    fields["detectors"] = dict(alert.detectors)
    fields["identity"] = dict(alert.identity)
    return json.dumps({_VERSION: STORED_VERSION, **fields}, allow_nan=False, separators=(",", ":"))


_FIELDS: Final = tuple(Alert.__dataclass_fields__)


def read(text: str | bytes) -> Alert:
    """Return the alert that was written, its evidence as a tuple.

    Parameters
    ----------
    text : what ``write`` returned.

    Raises
    ------
    ValueError : it is damaged, or of another version.
    """
    try:
        value = json.loads(text)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    if not isinstance(value, dict) or value.get(_VERSION) != STORED_VERSION:
        raise ValueError(f"no alert of version {STORED_VERSION}")
    # Not ``msgspec.json.decode``: it refuses what a name from the wire may hold, lone surrogates.
    try:
        alert = msgspec.convert(value, Alert)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from error
    return replace(alert, evidence=tuple(alert.evidence))
