# SPDX-License-Identifier: Apache-2.0
"""Options about cutting off, and the policy that they become."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from minewatch.errors import ConfigError

if TYPE_CHECKING:
    from minewatch.address import Network
    from minewatch.alert import Alert
    from minewatch.alerts.feedback import Judgement
    from minewatch.allow.entries import Known
    from minewatch.response.networks import Reasons
    from minewatch.response.policy import Policy

_RESPONSE: Final = "Response"
DEFAULT_LOG: Final = "/var/lib/minewatch-respond/response.jsonl"
"""Where the service has it: in a folder that the process which sees packets cannot write to."""

With = Annotated[
    str,
    typer.Option(
        "--with",
        metavar="NAME",
        help="Who cuts off: nftables, route or openvswitch:BRIDGE; or whose plan is printed: "
        "aws-security-group, aws-network-acl, aws-network-firewall, gcp-firewall, azure-nsg.",
        rich_help_panel=_RESPONSE,
    ),
]
Log = Annotated[
    str,
    typer.Option(
        "--log",
        metavar="FILE",
        help="Audit log; what is in force is read from it.",
        rich_help_panel=_RESPONSE,
    ),
]
Never = Annotated[
    list[str] | None,
    typer.Option(
        "--never",
        metavar="CIDR",
        help="Network that is never to be cut off, beside gateways, name servers, administrators "
        "and big delivery networks; may be given again.",
        rich_help_panel=_RESPONSE,
        show_default=False,
    ),
]
Seconds = Annotated[
    int,
    typer.Option("--seconds", help="Length of a block.", rich_help_panel=_RESPONSE),
]
PerHour = Annotated[
    int,
    typer.Option("--per-hour", help="Blocks begun within an hour.", rich_help_panel=_RESPONSE),
]
MaxAge = Annotated[
    int,
    typer.Option(
        "--max-age",
        metavar="SECONDS",
        help="Leave alone what was told longer ago.",
        rich_help_panel=_RESPONSE,
    ),
]
AtOnce = Annotated[
    int,
    typer.Option("--at-once", help="Blocks in force at most.", rich_help_panel=_RESPONSE),
]


def policy_of(
    allow: str | None,
    never: Sequence[str] | None,
    now_ns: int,
    *,
    seconds: int,
    per_hour: int,
    at_once: int,
    max_age: int,
    labels: Path | None = None,
) -> Policy:
    """Return the policy of a command's options on this machine, as it is now.

    Parameters
    ----------
    allow : value of ``--allow``.
    never : values of ``--never``.
    now_ns : the time.
    seconds : value of ``--seconds``.
    per_hour : value of ``--per-hour``.
    at_once : value of ``--at-once``.
    max_age : value of ``--max-age``.
    labels : what people found alerts to be; who is no miner by it is left alone.

    Raises
    ------
    ConfigError : a value outside its domain.
    SourceError : the file of allowances, or of labels, cannot be read.
    """
    from minewatch.alerts.feedback import read_feedback
    from minewatch.allow.entries import Known
    from minewatch.allow.file import read_known
    from minewatch.response.networks import shared_networks, user_networks
    from minewatch.response.policy import Limits, Policy
    from minewatch.response.surroundings import surroundings

    known = None if allow is None else read_known(allow)
    protected = [surroundings(), shared_networks(), user_networks(map(_network, never or ()))]
    if known is not None:
        protected.append(_allowed_pools(known, now_ns))
    limits = Limits(seconds, per_hour, at_once)
    judged = {} if labels is None else read_feedback(labels).judgements
    return Policy(tuple(protected), limits, _allowance(known or Known(), judged), max_age)


def _network(text: str) -> Network:
    import ipaddress

    try:
        return ipaddress.ip_network(text.strip())
    except ValueError as error:
        raise ConfigError(
            f"--never {text[:60]}: {error}; write networks as 10.0.0.0/8 or 2001:db8::/32"
        ) from error


def _allowed_pools(known: Known, now_ns: int) -> Reasons:
    """Addresses of pools that anybody may mine at."""
    import ipaddress

    from minewatch.address import text_of
    from minewatch.response.networks import Reasons

    return Reasons(
        {
            ipaddress.ip_network(text_of(*entry.pool_address)): f"is allowed by {entry.owner} "
            f"until {entry.expires} ({entry.place})"
            for entry in known.entries
            if entry.pool_address is not None and entry.holds(now_ns)
        }
    )


def _allowance(known: Known, judged: Mapping[str, Judgement]) -> Callable[[Alert, int], str | None]:
    """Who allows what an alert tells, by the file as it is now: the alert may be older."""
    from minewatch.address import halves_of
    from minewatch.allow.entries import Ends

    def ask(alert: Alert, now_ns: int) -> str | None:
        judgement = judged.get(alert.id)
        if judgement is not None and not judgement.is_mining:
            return f"{judgement.user} found that it does not mine: {judgement.reason}"
        try:
            near, far = halves_of(alert.host), halves_of(alert.pool)
        except ValueError:  # refused for that elsewhere
            return None
        if found := (*known.transit.names(*near), *known.transit.names(*far)):
            return f"{found[0]} only relays (transit)"
        names = () if alert.pool_name is None else (alert.pool_name.lower().rstrip("."),)
        tags = tuple(dict.fromkeys((*alert.tags, *known.tags.names(*near))))
        entry = known.allowance(Ends(near, far, alert.pool_port, names, tags), now_ns)
        if entry is None or not entry.holds(now_ns):
            return None
        return f"{entry.owner}: {entry.reason}, until {entry.expires} ({entry.place})"

    return ask
