# SPDX-License-Identifier: Apache-2.0
"""``minewatch lab``: servers, pools and services in network namespaces, captured and labelled."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from minewatch.cli.errors import INTERRUPTED, complain

if TYPE_CHECKING:
    from minewatch.lab.plan import Plan
    from minewatch.lab.run import Event, Outcome

EPILOG: Final = """
Examples:

sudo minewatch lab run --minutes 5 --out lab

sudo minewatch lab run --servers 20 --minutes 60 --evasion all --out hiding

minewatch lab run --seed 8 --dialects bitcoin,zcash --dry-run

The folder gets captures/<server>.pcap, labels.tsv, plan.json and counts.json. Needs root, Debian's
packages of the services (it names those that are missing), and: pip install 'minewatch\\[lab]'.
"""

_ALL: Final = "all"
_NONE: Final = "none"
_COMMAS: Final = "separated by commas"

app = typer.Typer(no_args_is_help=True, help="A lab of servers that mine and work.")


@app.command("run", epilog=EPILOG)
def run(
    *,
    out: Annotated[
        str | None,
        typer.Option("-o", "--out", metavar="DIR", help="New folder for what comes out."),
    ] = None,
    servers: Annotated[int, typer.Option(help="Servers to watch, 1 to 50.")] = 10,
    minutes: Annotated[float, typer.Option(help="How long, 0.2 to 1440.")] = 30.0,
    seed: Annotated[int, typer.Option(help="Of everything random.")] = 7,
    evasion: Annotated[
        str, typer.Option(metavar="NAMES", help=f"How miners hide, {_COMMAS}; or all, or none.")
    ] = _NONE,
    dialects: Annotated[
        str, typer.Option(metavar="NAMES", help=f"What miners speak, {_COMMAS}; or all.")
    ] = _ALL,
    xmrig: Annotated[
        str | None,
        typer.Option(metavar="PATH", help="Your own XMRig: it plays two miners more."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the plan and do nothing.")
    ] = False,
    keep_logs: Annotated[
        bool, typer.Option("--keep-logs", help="Keep what the programs say, in DIR/logs.")
    ] = False,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Errors only.")] = False,
) -> None:
    """Run servers, pools, miners and normal services, and capture on every server.

    Everything is in namespaces that vanish with this command, even if it is killed. No packet
    leaves them.
    """
    from minewatch.lab.drawing import draw_plan
    from minewatch.lab.plan import EVASIONS

    plan = draw_plan(
        servers,
        minutes * 60,
        seed,
        evasions=EVASIONS if evasion == _ALL else _names(evasion),
        dialects=None if dialects == _ALL else _names(dialects),
        has_xmrig=xmrig is not None,
    )
    if dry_run:
        _print_plan(plan)
        return
    if not out:
        raise typer.BadParameter("give a folder", param_hint="--out")
    outcome = _run(plan, Path(out), xmrig, keep_logs, quiet)
    _show(outcome, Path(out), quiet)


def _run(plan: Plan, out: Path, xmrig: str | None, keep_logs: bool, quiet: bool) -> Outcome:
    from minewatch.lab.run import run_lab

    progress = _Progress(plan, quiet)
    try:
        return run_lab(
            plan,
            out,
            xmrig=Path(xmrig) if xmrig is not None else None,
            logs=keep_logs,
            hear=progress.hear,
        )
    finally:
        progress.clear()


def _names(text: str) -> list[str]:
    """Return what a user listed.

    Examples
    --------
    >>> _names("tls, ssh"), _names("none")
    (['tls', 'ssh'], [])
    """
    return [] if text == _NONE else [name.strip() for name in text.split(",") if name.strip()]


def _print_plan(plan: Plan) -> None:
    from dataclasses import asdict

    print(json.dumps(asdict(plan), indent=1))


def _show(outcome: Outcome, out: Path, quiet: bool) -> None:
    """Say what there is now; an interrupted lab ends with the status of one."""
    n_captures = len(outcome.captures)
    dropped = sum(outcome.captures.values())
    if outcome.was_stopped:
        kept = f"{n_captures} captures up to then were kept" if n_captures else "nothing was kept"
        complain(f"interrupted; {kept}")
        raise typer.Exit(INTERRUPTED)
    if dropped:
        complain(
            f"{out}: {dropped} packets are missing: the machine was too slow for so many hosts"
        )
    if not quiet:
        print(f"{n_captures} captures and their labels: {out}", file=sys.stderr)


class _Progress:
    """One line on standard error, where a person looks at it."""

    def __init__(self, plan: Plan, quiet: bool) -> None:
        self._plan = plan
        self._is_shown = not quiet and sys.stderr.isatty()

    def hear(self, event: Event) -> None:
        if self._is_shown:
            print(f"\r\033[K{progress_line(event)}", end="", file=sys.stderr, flush=True)

    def clear(self) -> None:
        if self._is_shown:
            print("\r\033[K", end="", file=sys.stderr, flush=True)


def progress_line(event: dict[str, Any]) -> str:
    """Return what a lab is doing, in one line.

    Parameters
    ----------
    event : as ``minewatch.lab.run`` tells it.

    Examples
    --------
    >>> progress_line({"event": "running", "passed_s": 61.2, "seconds": 300, "octets": 81_920})
    'running: 1:01 of 5:00, 82 kB captured'
    >>> progress_line({"event": "starting", "services": 38, "miners": 24})
    'starting 38 services and 24 miners'
    """
    if event["event"] == "running":
        passed, whole = (_clock(float(event[name])) for name in ("passed_s", "seconds"))
        return f"running: {passed} of {whole}, {event['octets'] / 1000:,.0f} kB captured"
    if event["event"] == "starting":
        return f"starting {event['services']} services and {event['miners']} miners"
    if event["event"] == "building":
        return f"building a network of {event['hosts']} hosts"
    return str(event["event"])


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
