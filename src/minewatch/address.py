# SPDX-License-Identifier: Apache-2.0
"""Addresses as two 64-bit halves: their text, which are the watched side's; clients' ports."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Sequence
from typing import Final, TypeAlias

import polars as pl

from minewatch.errors import ConfigError

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

EPHEMERAL: Final = 32_768
"""Where Linux begins to choose ports of clients; BSD, macOS and Windows begin at 49,152."""
_LOW: Final = (1 << 64) - 1
_MAPPED: Final = 0xFFFF << 32

PRIVATE_NETWORKS: Final = (
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "fc00::/7",
    "fe80::/10",
    "::1/128",
)
"""RFC 1918, 6598, 3927, 4193, 4291: what a cloud network uses inside."""


def text_of(high: int, low: int) -> str:
    """Return an address as text, IPv4 unmapped.

    Examples
    --------
    >>> text_of(0, 0xFFFF_0A00_0001)
    '10.0.0.1'
    >>> text_of(0x2001_0DB8 << 32, 1)
    '2001:db8::1'
    """
    if high == 0 and low >> 32 == 0xFFFF:
        return str(ipaddress.IPv4Address(low & 0xFFFF_FFFF))
    return str(ipaddress.IPv6Address((high << 64) | low))


def halves_of(text: str) -> tuple[int, int]:
    """Return the two halves of an address, IPv4 mapped; the scope of an IPv6 one is dropped.

    Raises
    ------
    ValueError : it is no address.

    Examples
    --------
    >>> [hex(half) for half in halves_of("10.0.0.1")]
    ['0x0', '0xffff0a000001']
    """
    address = ipaddress.ip_address(text)
    number = int(address) | (_MAPPED if address.version == 4 else 0)
    return number >> 64, number & _LOW


def packed(high: int, low: int) -> bytes:
    """Return an address in network order: 4 octets for IPv4, else 16.

    Examples
    --------
    >>> packed(0, 0xFFFF_0A00_0001).hex()
    '0a000001'
    """
    if high == 0 and low >> 32 == 0xFFFF:
        return (low & 0xFFFF_FFFF).to_bytes(4, "big")
    return ((high << 64) | low).to_bytes(16, "big")


def with_text(frame: pl.DataFrame) -> pl.DataFrame:
    """Replace both addresses' halves by their text, as written tables have it."""
    for name in ("source_address", "destination_address"):
        halves = [f"{name}_high", f"{name}_low"]
        at = frame.columns.index(halves[0])
        text = address_text(*(frame.get_column(half) for half in halves)).alias(name)
        frame = frame.drop(halves).insert_column(at, text)
    return frame


def address_text(high: pl.Series, low: pl.Series) -> pl.Series:
    """Return the text of addresses, as ``text_of`` has it, many at a time.

    Parameters
    ----------
    high : upper halves, UInt64.
    low : lower halves, UInt64.

    Examples
    --------
    >>> halves = pl.DataFrame({"high": [0, 1 << 61], "low": [0xFFFF_0A00_0001, 1]},
    ...     schema={"high": pl.UInt64, "low": pl.UInt64})
    >>> address_text(halves["high"], halves["low"]).to_list()
    ['10.0.0.1', '2000::1']
    """
    halves = pl.DataFrame({"high": high, "low": low})
    low_bits = pl.col("low")
    is_mapped = (pl.col("high") == 0) & (low_bits // (1 << 32) == 0xFFFF)
    octets = [(low_bits // (1 << shift)) % 256 for shift in (24, 16, 8, 0)]
    frame = halves.with_columns(text=pl.when(is_mapped).then(pl.concat_str(octets, separator=".")))
    if frame["text"].null_count():
        # Others are few, and their text has rules of its own (RFC 5952).
        others = frame.filter(pl.col("text").is_null()).select("high", "low").unique()
        texts = [_ipv6_text(h, v) for h, v in others.iter_rows()]
        others = others.with_columns(other=pl.Series(texts, dtype=pl.String))
        frame = frame.join(others, on=["high", "low"], how="left", maintain_order="left")
        frame = frame.with_columns(pl.coalesce("text", "other").alias("text"))
    return frame.get_column("text")


def _ipv6_text(high: int, low: int) -> str:
    if high == 0:  # inet_ntop writes some of these with dots, as IPv4
        return text_of(high, low)
    return socket.inet_ntop(socket.AF_INET6, ((high << 64) | low).to_bytes(16, "big"))


def parse_networks(texts: Sequence[str]) -> tuple[Network, ...]:
    """Return networks from CIDR texts.

    Raises
    ------
    ConfigError : a text is no network.

    Examples
    --------
    >>> parse_networks(["10.1.0.0/16"])
    (IPv4Network('10.1.0.0/16'),)
    """
    networks = []
    for text in texts:
        try:
            networks.append(ipaddress.ip_network(text.strip()))
        except ValueError as error:
            raise ConfigError(
                f"--home {text}: {error}; write networks as 10.0.0.0/8 or 2001:db8::/32"
            ) from error
    return tuple(networks)


def is_inside(name: str, networks: Sequence[Network]) -> pl.Expr:
    """Return an expression: whether the address in ``{name}_high/_low`` is in one of them."""
    high, low = pl.col(f"{name}_high"), pl.col(f"{name}_low")
    inside = pl.lit(value=False)
    for network in networks:
        first = int(network.network_address)
        size = network.num_addresses
        if network.version == 4:
            first |= _MAPPED
        last = first + size - 1
        if first >> 64 == last >> 64:
            match = (high == pl.lit(first >> 64, pl.UInt64)) & low.is_between(
                pl.lit(first & _LOW, pl.UInt64), pl.lit(last & _LOW, pl.UInt64)
            )
        else:  # a prefix of 64 bits or fewer takes whole upper halves
            match = high.is_between(pl.lit(first >> 64, pl.UInt64), pl.lit(last >> 64, pl.UInt64))
        inside = inside | match
    return inside
