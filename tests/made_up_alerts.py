# SPDX-License-Identifier: Apache-2.0
"""Alerts made by hand: a plain one, and one in which every text is hostile."""

from dataclasses import replace

from minewatch.alert import Alert, Change, Severity, alert_id
from minewatch.types import Evidence

FIRST_NS = 1_700_000_000_123_456_789
SECOND_NS = 1_000_000_000

PLAIN = Alert(
    id=alert_id("10.0.0.5", "203.0.113.9", 443, FIRST_NS),
    revision=1,
    change=Change.NEW,
    host="10.0.0.5",
    pool="203.0.113.9",
    pool_port=443,
    protocol_identifier=6,
    severity=Severity.HIGH,
    mining_probability=0.9871234567890123,
    first_seen_ns=FIRST_NS,
    last_seen_ns=FIRST_NS + 90 * SECOND_NS,
    updated_ns=FIRST_NS + 91 * SECOND_NS,
    conversations=2,
    community_ids=("1:aaaaaaaaaaaaaaaaaaaaaaaaaaa=", "1:bbbbbbbbbbbbbbbbbbbbbbbbbbb="),
    detectors={"signature": 0.99, "rhythm": None},
    evidence=(
        Evidence("stratum_login", "login", "text", 4.5, "A miner logged in.", None, None),
        Evidence("mean_octets", 96.25, "octets", -0.125, "Small packets.", 60.0, 1400.0),
    ),
    source="eth0",
    pool_name="pool.example",
    identity={"algorithm": "rx/0", "dialect": None},
    tags=("build server",),
    disproof=("It is a backup.",),
    next_steps=("Look at the host's processes.", "Ask its owner."),
)

NASTY = 'a\r\nb\x00\x1b[2J|c=d\\e"f]g<!channel>&\u202e\ud800é'

HOSTILE = replace(
    PLAIN,
    host="2001:db8::5",
    pool="2001:db8::9",
    revision=2,
    change=Change.UPDATED,
    severity=Severity.MEDIUM,
    pool_name=NASTY,
    identity={"algorithm": NASTY, "dialect": NASTY},
    evidence=(Evidence(NASTY, NASTY, NASTY, 1.0, NASTY),),
    detectors={NASTY: 0.5},
    source=NASTY,
    tags=(NASTY,) * 3,
    allowed_by=NASTY,
    disproof=(NASTY,),
    next_steps=(NASTY, NASTY),
    community_ids=(),
)

ENDED = replace(PLAIN, revision=9, change=Change.ENDED, severity=Severity.LOW)
ALL = (PLAIN, HOSTILE, ENDED)


def numbered(number: int, revision: int = 1) -> Alert:
    """An alert of its own host, known by its number."""
    host = f"10.1.{number // 256}.{number % 256}"
    return replace(
        PLAIN,
        id=f"{number:032x}",
        host=host,
        revision=revision,
        change=Change.NEW if revision == 1 else Change.UPDATED,
    )
