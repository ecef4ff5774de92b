# SPDX-License-Identifier: Apache-2.0
"""What the user said of a conversation's ends, as sentences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from minewatch.allow.marking import ALLOWED, EXPIRED, NEAR


def known_sentences(record: Mapping[str, Any]) -> Iterator[str]:
    """Yield what allowances and transit hosts mean for a conversation.

    Parameters
    ----------
    record : a conversation as a record of the contract.

    Examples
    --------
    >>> allowed = {"owner": "ops", "reason": "a course", "expires": "2027-01-31", "place": "a:3"}
    >>> record = {"allowed_by": allowed, "expired_allowance": None, "transit": None}
    >>> list(known_sentences(record))
    ['Allowed by ops until 2027-01-31: a course (a:3). It counts as no find.']
    """
    if entry := record[ALLOWED]:
        yield (
            f"Allowed by {entry['owner']} until {entry['expires']}: {entry['reason']} "
            f"({entry['place']}). It counts as no find."
        )
    if entry := record[EXPIRED]:
        yield (
            f"Was allowed by {entry['owner']} until {entry['expires']}: {entry['reason']} "
            f"({entry['place']}). That had expired when the conversation ended, so it counts: ask "
            f"{entry['owner']}, and renew the entry or end the mining."
        )
    if record["transit"]:
        yield _transit(record)


def _transit(record: Mapping[str, Any]) -> str:
    """Whose the mining is, and how severe for whom."""
    name, relay = record["transit"]["name"], record["transit"]["address"]
    if record["transit"]["end"] == NEAR:
        return (
            f"{relay} is a transit host ({name}): a client behind it mines, and not this host. "
            "Severity: as of any miner for that client, whom the host's own records name; none for "
            "the host, and to cut it off would hit everybody behind it."
        )
    ends = {record["source_address"], record["destination_address"]} - {relay}
    client = next(iter(ends), relay)
    return (
        f"{relay} is a transit host ({name}): the pool lies behind it, and the client, {client}, "
        "mines, and not the transit host. Severity: as of any miner for the client; none for the "
        "host, which is no pool and belongs on no list of pools."
    )
