# SPDX-License-Identifier: Apache-2.0
"""``minewatch label-alert``: say whether an alert was right."""

from __future__ import annotations

import time
from typing import Annotated, Final

import typer

from minewatch.errors import ConfigError

DEFAULT_STORE: Final = "/var/lib/minewatch/alerts.jsonl"
"""Where the service has it."""
VERDICTS: Final = {"true": True, "false": False}
EPILOG: Final = """
Examples:

minewatch label-alert 3c090e667a82 true --reason "xmrig in /tmp"

minewatch label-alert 3c090e667a82 false --reason "backup job" --store alerts.jsonl

minewatch label-alert

The last one only shows the precision to date. What is said is kept in alerts.labels.jsonl beside
the alerts; nothing is trained by it.
"""


def label_alert(
    alert: Annotated[
        str | None,
        typer.Argument(
            metavar="[ID]",
            help="Id of the alert, or its first six characters or more.",
            show_default=False,
        ),
    ] = None,
    verdict: Annotated[
        str | None,
        typer.Argument(metavar="[true|false]", help="Whether it was mining.", show_default=False),
    ] = None,
    *,
    store: Annotated[
        str,
        typer.Option(
            "--store", metavar="FILE", help="The alerts: the file of a jsonl sink, or of SQLite."
        ),
    ] = DEFAULT_STORE,
    reason: Annotated[
        str | None,
        typer.Option("--reason", metavar="TEXT", help="How that is known.", show_default=False),
    ] = None,
) -> None:
    """Say whether an alert was right, and show how many were."""
    from minewatch.alerts.feedback import (
        Judgement,
        add_judgement,
        labels_beside,
        precision_of,
        read_feedback,
    )
    from minewatch.alerts.journal import read_journal
    from minewatch.cli.errors import complain
    from minewatch.cli.who import user_name

    if (alert is None) != (verdict is None):
        raise ConfigError("label-alert: give an id and true or false, or none of them")
    journal = read_journal(store)
    path = labels_beside(store)
    if alert is not None and verdict is not None:
        if verdict not in VERDICTS:
            raise ConfigError(f"label-alert {verdict[:20]!r}: true or false")
        found = journal.named(alert)
        why = "" if reason is None else reason
        judgement = Judgement(found.id, VERDICTS[verdict], why, user_name(), time.time_ns())
        add_judgement(path, judgement)
        word = "mining" if judgement.is_mining else "not mining"
        typer.echo(f"{found.id}: {found.host} at {found.pool}:{found.pool_port} was {word}")
    feedback = read_feedback(path)
    for name, n in ((store, journal.n_damaged), (path, feedback.n_damaged)):
        if n:
            complain(f"{name}: {n:,} lines could not be read")
    typer.echo(precision_of(feedback.judgements.values()).sentence())
    n_open = len(journal.alerts.keys() - feedback.judgements.keys())
    typer.echo(f"{n_open:,} of {len(journal.alerts):,} alerts were not judged yet")
