# SPDX-License-Identifier: Apache-2.0
"""Decoders: the kept payload of one conversation -> columns; and the names that DNS gave.

Each decoder meets ``minewatch.contracts.Decoder``: it looks at nothing but the payload (no port, no
address), returns None for a conversation that is not its protocol, and never raises, whatever the
octets are.
"""

from minewatch.decoders.dns import DnsAnswer, DnsMessage, parse_dns
from minewatch.decoders.stratum import StratumDecoder
from minewatch.decoders.tls import TlsDecoder

__all__ = [
    "DnsAnswer",
    "DnsMessage",
    "StratumDecoder",
    "TlsDecoder",
    "parse_dns",
]
