# SPDX-License-Identifier: Apache-2.0
"""``minewatch respond``: cut a miner off from its pool, let it back, and show what was done."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from minewatch.cli import options as o
from minewatch.cli import response_options as r
from minewatch.cli.errors import ERROR, FOUND, NOTHING_FOUND, complain
from minewatch.errors import ConfigError, MinewatchError, ResponseError

if TYPE_CHECKING:
    from minewatch.alert import Alert
    from minewatch.response.acting import Outcome, Response
    from minewatch.response.audit import Anchor
    from minewatch.response.book import Active, Book
    from minewatch.response.entries import Action
    from minewatch.response.policy import Policy

_PAUSE_S: Final = 0.5
_RENEW_S: Final = 30.0
"""Blocks are looked for this often."""
_NS: Final = 1_000_000_000
EPILOG: Final = """
Examples:

minewatch respond plan alerts.jsonl --with nftables --log response.jsonl

sudo minewatch respond apply alerts.jsonl --id 3c090e667a82 --with nftables

sudo minewatch respond follow alerts.jsonl --apply --with nftables

sudo minewatch respond undo 3c090e667a82 --reason "backup job"

minewatch respond verify

Exit status: 0; 1 if the audit log was changed (verify) or something is in force (list); 2 an error.
"""

app = typer.Typer(
    name="respond",
    help="Cut a miner off from its pool, let it back, and show what was done.",
    epilog=EPILOG,
    no_args_is_help=True,
)

_Alerts = Annotated[
    str,
    typer.Argument(
        metavar="ALERTS",
        help="The file of a jsonl sink; but for `follow`, of SQLite too.",
        show_default=False,
    ),
]
_Ids = Annotated[
    list[str] | None,
    typer.Option(
        "--id",
        metavar="ID",
        help="Only this alert, by its id or six characters of it and more; may be given again. "
        "\\[default: all]",
        show_default=False,
    ),
]


@app.command("plan")
def plan(
    alerts: _Alerts,
    *,
    ids: _Ids = None,
    responder: r.With = "nftables",
    log: r.Log = r.DEFAULT_LOG,
    allow: o.Allow = None,
    never: r.Never = None,
    seconds: r.Seconds = 3_600,
    per_hour: r.PerHour = 10,
    at_once: r.AtOnce = 50,
    max_age: r.MaxAge = 86_400,
) -> None:
    """Print what would be done for stored alerts, and do nothing."""
    from minewatch.alerts.feedback import labels_beside

    now_ns = time.time_ns()
    limits = {"seconds": seconds, "per_hour": per_hour, "at_once": at_once, "max_age": max_age}
    policy = r.policy_of(allow, never, now_ns, **limits, labels=labels_beside(alerts))
    dry = _response(responder, policy, log, is_dry=True)
    chosen = _chosen(alerts, ids)
    _tell(dry.consider(chosen, now_ns, even_if_let_back=ids is not None))


@app.command("apply")
def apply(
    alerts: _Alerts,
    *,
    ids: _Ids = None,
    responder: r.With = "nftables",
    log: r.Log = r.DEFAULT_LOG,
    allow: o.Allow = None,
    never: r.Never = None,
    seconds: r.Seconds = 3_600,
    per_hour: r.PerHour = 10,
    at_once: r.AtOnce = 50,
    max_age: r.MaxAge = 86_400,
) -> None:
    """Cut off the hosts of stored alerts, as far as the policy allows it."""
    from minewatch.alerts.feedback import labels_beside
    from minewatch.response.entries import Action

    now_ns = time.time_ns()
    limits = {"seconds": seconds, "per_hour": per_hour, "at_once": at_once, "max_age": max_age}
    policy = r.policy_of(allow, never, now_ns, **limits, labels=labels_beside(alerts))
    acting = _response(responder, policy, log, is_dry=False)
    chosen = _chosen(alerts, ids)
    outcomes = acting.expire(now_ns)
    outcomes += acting.consider(chosen, now_ns, even_if_let_back=ids is not None)
    _tell(outcomes)
    _leave(outcomes, {Action.FAILED, Action.NOT_UNDONE})


@app.command("follow")
def follow(
    alerts: _Alerts,
    *,
    act: Annotated[
        bool, typer.Option("--apply", help="Cut off. \\[default: only write down the plans]")
    ] = False,
    responder: r.With = "nftables",
    log: r.Log = r.DEFAULT_LOG,
    allow: o.Allow = None,
    never: r.Never = None,
    seconds: r.Seconds = 3_600,
    per_hour: r.PerHour = 10,
    at_once: r.AtOnce = 50,
    max_age: r.MaxAge = 600,
) -> None:
    """Read on in a file of alerts, and plan or cut off as they come, until it is stopped.

    So what reads strangers' packets needs no right to change a filter. Allowances and what this
    machine cannot do without are looked up anew for each batch; if they cannot be read any more,
    nobody is cut off, and blocks still end in time.
    """
    from minewatch.alerts.feedback import labels_beside
    from minewatch.alerts.following import Follower

    limits = {"seconds": seconds, "per_hour": per_hour, "at_once": at_once, "max_age": max_age}
    labels = labels_beside(alerts)
    policy = r.policy_of(allow, never, time.time_ns(), **limits, labels=labels)
    acting = _response(responder, policy, log, is_dry=not act)
    follower = Follower(alerts)
    waiting: list[Alert] = []
    trouble, next_look_s = "", 0.0
    while True:
        now_ns = time.time_ns()
        outcomes = acting.expire(now_ns)
        if time.monotonic() >= next_look_s:
            next_look_s = time.monotonic() + _RENEW_S
            try:
                outcomes += acting.renew(now_ns)
            except ResponseError as error:
                complain(f"whether blocks are in force is not known: {error}")
        try:
            waiting = waiting or follower.read()
            if waiting:
                acting.use(r.policy_of(allow, never, now_ns, **limits, labels=labels))
        except MinewatchError as error:
            # Somebody may be writing the file; to end would leave black holes that never end.
            if str(error) != trouble:
                complain(f"{error}; nobody is cut off until it can be read")
            trouble, rest = str(error), True
        else:
            outcomes += acting.consider(waiting, now_ns)
            trouble, rest, waiting = "", not waiting, []
        if outcomes:
            _tell(outcomes)
        if rest:
            time.sleep(_PAUSE_S)


@app.command("undo")
def undo(
    alert: Annotated[
        str | None,
        typer.Argument(metavar="[ID]", help="Id of the alert, or six characters and more of it."),
    ] = None,
    *,
    everything: Annotated[bool, typer.Option("--all", help="All that is in force.")] = False,
    expired: Annotated[
        bool, typer.Option("--expired", help="What is over and was not taken back yet.")
    ] = False,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why.")] = "asked for",
    log: r.Log = r.DEFAULT_LOG,
) -> None:
    """Let a host back to its pool."""
    from minewatch.response.entries import Action
    from minewatch.response.policy import Policy

    if (alert is not None) + everything + expired != 1:
        raise ConfigError("respond undo: give an id, --all or --expired")
    now_ns = time.time_ns()
    book = _book(log)
    alert_id = None if alert is None else _in_force(book, alert)
    outcomes: list[Outcome] = []
    for name in dict.fromkeys(one.responder for one in book.active()):
        acting = _response(name, Policy(), log, is_dry=False)
        if expired:
            outcomes += acting.expire(now_ns)
        else:
            outcomes += acting.undo(alert_id, now_ns, reason)
    _tell(outcomes)
    _leave(outcomes, {Action.NOT_UNDONE})


@app.command("list")
def list_blocks(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="A JSON object a line.")] = False,
    log: r.Log = r.DEFAULT_LOG,
) -> None:
    """Show what is in force."""
    now_ns = time.time_ns()
    active = _book(log).active()
    for one in active:
        typer.echo(_json(one, now_ns) if as_json else _line(one, now_ns))
    if not active and not as_json:
        typer.echo("nothing is in force")
    raise typer.Exit(FOUND if active else NOTHING_FOUND)


@app.command("verify")
def verify(
    *,
    expect: Annotated[
        str | None,
        typer.Option(
            "--expect",
            metavar="NUMBER:HASH",
            help="What an earlier run of this command printed, and was kept elsewhere.",
            show_default=False,
        ),
    ] = None,
    log: r.Log = r.DEFAULT_LOG,
) -> None:
    """Check that nobody changed the audit log."""
    from minewatch.response.checking import check_log

    found = check_log(Path(log), _anchor(expect))
    for note in found.notes:
        typer.echo(f"note: {note}")
    for problem in found.problems:
        complain(f"{log}: {problem}")
    if found.problems:
        raise typer.Exit(FOUND)
    typer.echo(f"{found.last.number:,} entries, none changed, none missing")
    typer.echo(f"keep this elsewhere, and give it as --expect next time: {found.last}")


def _response(name: str, policy: Policy, log: str, *, is_dry: bool) -> Response:
    from minewatch.cli.who import user_name
    from minewatch.response.acting import Response
    from minewatch.response.audit import AuditLog
    from minewatch.response.cloud import CloudPlanner
    from minewatch.response.responders import responder_named

    chosen = responder_named(name)
    if isinstance(chosen, CloudPlanner) and not is_dry:
        raise ConfigError(f"--with {name}: only a plan; use: minewatch respond plan")
    place = Path(log)
    if log == r.DEFAULT_LOG:
        # The service's, which may not be installed; that it cannot be made is told by the log.
        with contextlib.suppress(OSError):
            place.parent.mkdir(mode=0o750)
    return Response(chosen, policy, AuditLog(place), user_name(), dry_run=is_dry)


def _anchor(text: str | None) -> Anchor | None:
    from minewatch.response.audit import anchor_of

    try:
        return None if text is None else anchor_of(text)
    except ValueError as error:
        raise ConfigError(f"--expect {error}") from error


def _chosen(path: str, ids: Iterable[str] | None) -> list[Alert]:
    from minewatch.alerts.journal import read_journal

    journal = read_journal(path)
    if journal.n_damaged:
        complain(f"{path}: {journal.n_damaged:,} lines are no alerts and were passed over")
    if ids is None:
        return list(journal.alerts.values())
    return [journal.named(text) for text in dict.fromkeys(ids)]


def _book(log: str) -> Book:
    from minewatch.response.audit import AuditLog
    from minewatch.response.book import Book

    book = Book(AuditLog(Path(log)))
    book.refresh()
    return book


def _in_force(book: Book, text: str) -> str:
    """The id of the alert with a block in force whose id begins so."""
    ids = {one.block.alert_id for one in book.active()}
    if text in ids:
        return text
    found = [one for one in sorted(ids) if one.startswith(text)]
    if len(text) < 6 or len(found) != 1:
        raise ConfigError(
            f"{text[:40]!r}: {len(found)} blocks of such an alert are in force; see: minewatch "
            "respond list"
        )
    return found[0]


def _tell(outcomes: Sequence[Outcome]) -> None:
    """Print what became of each alert; the steps of a plan below it."""
    from minewatch.output.records import printable

    for one in outcomes:
        block = one.block
        typer.echo(
            printable(
                f"{one.action:<10} {block.alert_id[:12]}  {block.host} -> {block.pool}:"
                f"{block.pool_port}  {one.reason}"
            )
        )
        for step in one.steps:
            typer.echo(f"    {printable(step)}")
    if not outcomes:
        typer.echo("nothing to do")
    sys.stdout.flush()


def _leave(outcomes: Iterable[Outcome], bad: set[Action]) -> None:
    if any(one.action in bad for one in outcomes):
        raise typer.Exit(ERROR)


def _line(one: Active, now_ns: int) -> str:
    left = (one.until_ns - now_ns) // _NS
    end = datetime.fromtimestamp(one.until_ns // _NS, UTC).isoformat()
    word = f"{left:,} s left" if left > 0 else "over, and not taken back yet"
    block = one.block
    return (
        f"{block.alert_id[:12]}  {block.host} -> {block.pool}:{block.pool_port}  "
        f"{one.responder}  until {end} ({word})"
    )


def _json(one: Active, now_ns: int) -> str:
    block = one.block
    data = {name: getattr(block, name) for name in block.__slots__}
    data |= {"responder": one.responder, "since_ns": one.since_ns, "until_ns": one.until_ns}
    return json.dumps(data | {"is_over": one.until_ns <= now_ns})
