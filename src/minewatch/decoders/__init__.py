# SPDX-License-Identifier: Apache-2.0
"""Decoders: the kept payload of one conversation -> columns.

Each meets ``minewatch.contracts.Decoder``: it looks at nothing but the payload (no port, no
address), returns None for a conversation that is not its protocol, and never raises, whatever the
octets are.
"""

from minewatch.decoders.dns import DnsAnswer, DnsDecoder, DnsMessage, dns_messages, parse_dns
from minewatch.decoders.stratum import StratumDecoder
from minewatch.decoders.tls import TlsDecoder

__all__ = [
    "DnsAnswer",
    "DnsDecoder",
    "DnsMessage",
    "StratumDecoder",
    "TlsDecoder",
    "dns_messages",
    "parse_dns",
]
