# SPDX-License-Identifier: Apache-2.0
"""A message for Slack's incoming webhooks, in Block Kit.

All texts are ``plain_text``: what a server calls itself can make neither a link nor a mention.
"""

from __future__ import annotations

from itertools import islice
from typing import Any, Final

from minewatch.alert import Alert
from minewatch.alerts.forms.clean import moment, printable
from minewatch.alerts.forms.wording import pool, reasons, title

_HEADER: Final = 150
_SECTION: Final = 2_900
_FIELD: Final = 1_900
_REASONS: Final = 5


def chat_message(alert: Alert) -> dict[str, Any]:
    """Return an alert as the body of a request to Slack.

    Parameters
    ----------
    alert : any alert.
    """
    facts = [
        ("Host", alert.host),
        ("Pool", pool(alert)),
        ("Severity", str(alert.severity)),
        ("Probability", f"{alert.mining_probability:.3f}"),
        ("First seen", moment(alert.first_seen_ns)),
        ("Last seen", moment(alert.last_seen_ns)),
        ("Algorithm", alert.identity.get("algorithm")),
        ("Allowed by", alert.allowed_by),
        ("Tags", ", ".join(alert.tags)),
        ("Source", alert.source),
    ]
    fields = [_plain(f"{name}\n{printable(value)}", _FIELD) for name, value in facts if value]
    blocks: list[dict[str, Any]] = [
        {"type": "header", "text": _plain(title(alert), _HEADER)},
        {"type": "section", "fields": fields},
    ]
    for name, lines in (
        ("Why", [evidence.text for evidence in islice(reasons(alert), _REASONS)]),
        ("What to check next", alert.next_steps),
        ("It is not mining if", alert.disproof),
    ):
        if lines:
            listed = "\n".join(f"\u2022 {printable(line)}" for line in lines)
            blocks.append({"type": "section", "text": _plain(f"{name}\n{listed}", _SECTION)})
    end = _plain(f"minewatch {alert.id} revision {alert.revision}", _FIELD)
    blocks.append({"type": "context", "elements": [end]})
    return {"text": _escaped(title(alert)), "mrkdwn": False, "blocks": blocks}


def _plain(text: str, most: int) -> dict[str, Any]:
    return {"type": "plain_text", "text": text[:most], "emoji": False}


def _escaped(text: str) -> str:
    """Return the text of the notification with Slack's three special characters escaped."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
