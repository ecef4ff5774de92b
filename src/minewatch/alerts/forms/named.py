# SPDX-License-Identifier: Apache-2.0
"""The forms by name, as ``form=`` in the address of a sink takes them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from minewatch.alert import Alert
from minewatch.alerts.forms.cef import message
from minewatch.alerts.forms.clean import json_line
from minewatch.alerts.forms.ecs import document
from minewatch.alerts.forms.eve import event
from minewatch.alerts.forms.ocsf import finding
from minewatch.alerts.forms.record import record
from minewatch.alerts.forms.slack import chat_message
from minewatch.alerts.forms.wording import sentences
from minewatch.errors import ConfigError

Form = Callable[[Alert], str]
"""Gives an alert as one line, without its end."""

FORMS: Final[dict[str, Form]] = {
    "json": lambda alert: json_line(record(alert)),
    "eve": lambda alert: json_line(event(alert)),
    "ocsf": lambda alert: json_line(finding(alert)),
    "ecs": lambda alert: json_line(document(alert)),
    "cef": message,
    "text": sentences,
    "slack": lambda alert: json_line(chat_message(alert)),
}
JSON_FORMS: Final = frozenset({"json", "eve", "ocsf", "ecs", "slack"})


def form_named(name: str) -> Form:
    """Return a form.

    Parameters
    ----------
    name : one of ``FORMS``.

    Raises
    ------
    ConfigError : there is none of that name.
    """
    if name not in FORMS:
        raise ConfigError(f"form {name!r}: no such form; there are {', '.join(sorted(FORMS))}")
    return FORMS[name]
