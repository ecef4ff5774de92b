# SPDX-License-Identifier: Apache-2.0
"""The ``stratum`` decoder: a mining session in any dialect, on any port."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from minewatch.decoders.carriers import conversation_messages
from minewatch.decoders.stratum.dialogue import Dialogue
from minewatch.decoders.stratum.sv2 import decode_sizes
from minewatch.schema import KIND_TALKS, Column
from minewatch.types import Payload

_TCP = 6

_HINTS = (b"mining.", b'job_id"')
# Words that say less, or cost more to look for, are sought at both ends only: a conversation
# speaks one protocol from its beginning to its end.
_HINTS_AT_ENDS = (b'"login"', b"eth_", b'"0x', b"getwork", b"template", b"ebsocket")
_END_OCTETS = 1536


class StratumDecoder:
    r"""Mining protocols in clear text, told by structure and by both sides' behaviour.

    Reads CryptoNote's Stratum, ``mining.*`` (Bitcoin and derived, Zcash, KawPow, EthereumStratum
    1 and 2), eth-proxy, getwork and block templates over HTTP, browser miners over a web socket,
    and Stratum V2 by the sizes of its handshake. A keyword in another structure is nothing.

    Blind spots: TLS and other encryption; members' names written with JSON escapes; compressed
    web socket messages; a conversation whose mining begins behind the octets that were kept.

    Notes
    -----
    Cost: some 10 microseconds where no word of a dialect is found, below 1 millisecond for a
    session of 12 KiB. No state between conversations. Uses no address and no port.

    References
    ----------
    .. [1] XMRig, "Stratum extensions", https://xmrig.com/docs/extensions
    .. [2] Bitcoin Wiki, "Stratum mining protocol"; BIP 310; ZIP 301; EIP-1571.
    .. [3] stratum-mining/sv2-spec, chapters 4 to 6.

    Examples
    --------
    >>> from minewatch.types import Segment
    >>> text = b'{"id":4,"method":"mining.subscribe","params":["cgminer/4.10.0"]}\n'
    >>> row = StratumDecoder().decode(Payload(6, [Segment(0, True, 1, len(text), text)]))
    >>> row["stratum_dialect"], row["stratum_state"], row["stratum_agent"]
    ('bitcoin', 'attempt', 'cgminer/4.10.0')
    """

    name = "stratum"
    kinds = KIND_TALKS
    columns = (
        Column(
            "stratum_dialect",
            pl.String(),
            "-",
            "cryptonote, bitcoin (also derived mining.*), kawpow, zcash, eth-stratum, "
            "ethereumstratum1, ethereumstratum2, eth-proxy, eth-getwork, getwork, "
            "getblocktemplate, coinhive or stratum-v2.",
        ),
        Column(
            "stratum_state",
            pl.String(),
            "-",
            "session: both sides spoke; jobs-only: the miner was not heard; attempt: no pool "
            "answered as one; poll: work asked of a node, by a solo miner or by a pool.",
        ),
        Column(
            "stratum_algorithm",
            pl.String(),
            "-",
            "Hash function as the messages name it, or as the dialect implies; null if neither.",
        ),
        Column(
            "stratum_coin_hint",
            pl.String(),
            "-",
            "Coin to be paid in, from the login (DOGE:...) or password (c=DOGE): not the chain.",
        ),
        Column("stratum_agent", pl.String(), "-", "Miner's program, as it calls itself."),
        Column(
            "stratum_login", pl.String(), "-", "Wallet or account: its first 8 and last 4 letters."
        ),
        Column("stratum_requests", pl.Int64(), "1", "Miner's messages in the kept octets."),
        Column("stratum_jobs", pl.Int64(), "1", "Jobs in the kept octets."),
        Column("stratum_submits", pl.Int64(), "1", "Shares sent in the kept octets."),
        Column("stratum_results_ok", pl.Int64(), "1", "Shares accepted in the kept octets."),
        Column("stratum_results_error", pl.Int64(), "1", "Shares refused in the kept octets."),
        Column(
            "stratum_is_miner_initiator",
            pl.Boolean(),
            "-",
            "False where the pool counts as initiator: the capture began late.",
        ),
        Column("stratum_first_seen_ns", pl.Int64(), "ns", "First message of the dialect, UTC."),
    )

    def decode(self, payload: Payload) -> Mapping[str, object] | None:
        """Return the ``stratum_*`` values of one conversation, None if it is not mining."""
        if payload.protocol != _TCP:
            return None
        if not _may_be_mining(payload):
            return decode_sizes(payload)
        dialogue = Dialogue()
        for message in conversation_messages(payload):
            dialogue.add(message)
        return dialogue.verdict()


def _may_be_mining(payload: Payload) -> bool:
    """Look for a word of any dialect: cheap, and wrong only in one direction."""
    data = b"".join([segment.data for segment in payload.segments])
    if any(hint in data for hint in _HINTS):
        return True
    if len(data) > 2 * _END_OCTETS:
        data = data[:_END_OCTETS] + data[-_END_OCTETS:]
    return any(hint in data for hint in _HINTS_AT_ENDS)
