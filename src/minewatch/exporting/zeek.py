# SPDX-License-Identifier: Apache-2.0
"""Zeek's conn.log as tab-separated text.

Fields and states are those of docs.zeek.org/en/master/scripts/base/protocols/conn/main.zeek.html.
As there, duration and octets of payload are unset for a connection of one packet. State and history
tell of the flags and payload that either end sent, but nothing of their order; ``service`` stays
unset.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from minewatch.address import address_text
from minewatch.exporting.drawing import drawn
from minewatch.exporting.zeek_states import conn_state

FIELDS: Final = {
    "ts": "time",
    "uid": "string",
    "id.orig_h": "addr",
    "id.orig_p": "port",
    "id.resp_h": "addr",
    "id.resp_p": "port",
    "proto": "enum",
    "service": "string",
    "duration": "interval",
    "orig_bytes": "count",
    "resp_bytes": "count",
    "conn_state": "string",
    "local_orig": "bool",
    "local_resp": "bool",
    "missed_bytes": "count",
    "history": "string",
    "orig_pkts": "count",
    "orig_ip_bytes": "count",
    "resp_pkts": "count",
    "resp_ip_bytes": "count",
    "tunnel_parents": "set[string]",
}
"""Names and types of the fields, in order."""
_DIGITS: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_PROTOCOLS: Final = {1: "icmp", 6: "tcp", 17: "udp", 58: "icmp"}
_FIN, _SYN, _RST, _ACK = 1, 2, 4, 16


class ZeekText:
    """Writes connections as a conn.log."""

    def __init__(self) -> None:
        self._last_ns = 0
        self._is_open = False

    def head(self) -> bytes:
        """Return what stands before the first connection's time is known: nothing."""
        return b""

    def rows(self, told: pl.DataFrame) -> bytes:
        """Return connections as lines, after the log's head if they are the first.

        Parameters
        ----------
        told : of ``logged``.
        """
        if not told.height:
            return b""
        first, last = (
            told[name].to_list() for name in ("flow_start_nanoseconds", "flow_end_nanoseconds")
        )
        head = b"" if self._is_open else _head(min(first))
        self._is_open = True
        self._last_ns = max(self._last_ns, *last)
        values = _values(told)
        texts = [values.get(name, pl.lit("-")) for name in FIELDS]
        lines = told.select(pl.concat_str(texts, separator="\t")).to_series()
        return head + ("\n".join(lines.to_list()) + "\n").encode()

    def end(self) -> bytes:
        """Return the line that closes the log."""
        return (b"" if self._is_open else _head(0)) + f"#close\t{_day(self._last_ns)}\n".encode()


def _head(time_ns: int) -> bytes:
    lines = [
        "#separator \\x09",
        "#set_separator\t,",
        "#empty_field\t(empty)",
        "#unset_field\t-",
        "#path\tconn",
        f"#open\t{_day(time_ns)}",
        "\t".join(["#fields", *FIELDS]),
        "\t".join(["#types", *FIELDS.values()]),
    ]
    return ("\n".join(lines) + "\n").encode()


def _day(time_ns: int) -> str:
    text = pl.select(pl.from_epoch(pl.lit(time_ns), "ns").dt.strftime("%Y-%m-%d-%H-%M-%S"))
    return str(text.item())


def _values(told: pl.DataFrame) -> dict[str, pl.Expr]:
    duration = pl.col("flow_end_nanoseconds") - pl.col("flow_start_nanoseconds")
    is_long = duration > 0
    protocol = pl.col("protocol_identifier")
    icmp_type = protocol.is_in([1, 58])
    port = pl.col("destination_transport_port")
    unset = pl.lit("-")
    payload = {
        name: pl.when(is_long).then(pl.col(column).cast(pl.String)).otherwise(unset)
        for name, column in (
            ("orig_bytes", "payload_octet_count"),
            ("resp_bytes", "reverse_payload_octet_count"),
        )
    }
    local = {
        f"local_{end}": pl.when(f"is_{name}_home").then(pl.lit("T")).otherwise(pl.lit("F"))
        for end, name in (("orig", "source"), ("resp", "destination"))
    }
    return {
        "ts": _seconds(pl.col("flow_start_nanoseconds")),
        "uid": pl.lit(_names(told)),
        "id.orig_h": _address(told, "source"),
        # Zeek has the type of ICMP where others have the port, and the code for the other one.
        "id.orig_p": pl.when(icmp_type)
        .then(port // 256)
        .otherwise(pl.col("source_transport_port")),
        "id.resp_h": _address(told, "destination"),
        "id.resp_p": pl.when(icmp_type).then(port % 256).otherwise(port),
        "proto": protocol.replace_strict(
            _PROTOCOLS, default="unknown_transport", return_dtype=pl.String
        ),
        "duration": pl.when(is_long).then(_seconds(duration)).otherwise(unset),
        **payload,
        "conn_state": conn_state(),
        **local,
        "missed_bytes": pl.lit("0"),
        "history": _history(),
        "orig_pkts": pl.col("packet_delta_count"),
        "orig_ip_bytes": pl.col("octet_delta_count"),
        "resp_pkts": pl.col("reverse_packet_delta_count"),
        "resp_ip_bytes": pl.col("reverse_octet_delta_count"),
    }


def _address(told: pl.DataFrame, end: str) -> pl.Expr:
    return pl.lit(address_text(told[f"{end}_address_high"], told[f"{end}_address_low"]))


def _seconds(time_ns: pl.Expr) -> pl.Expr:
    micros = time_ns // 1000
    whole, rest = micros // 1_000_000, micros % 1_000_000
    return pl.concat_str(whole, rest.cast(pl.String).str.zfill(6), separator=".")


def _names(told: pl.DataFrame) -> pl.Series:
    """Return a connection's unique name: ``C`` and 11 digits of base 62 drawn for it."""
    bits = drawn(0, told["conversation"].to_numpy(), told["window_ns"].to_numpy())
    rest = told.select(pl.Series("rest", bits)).to_series()
    digits = pl.Series(list(_DIGITS))
    places = []
    for _ in range(11):
        places.append(digits.gather(rest % 62))
        rest = rest // 62
    return pl.select(pl.concat_str([pl.lit("C"), *(pl.lit(place) for place in places)])).to_series()


_LETTERS: Final = (("S", _SYN), ("A", _ACK), ("D", 0), ("F", _FIN), ("R", _RST))


def _history() -> pl.Expr:
    """Return a letter for each flag, and for payload, that either end sent: ``ShADad``."""
    letters = []
    for prefix, is_answer in (("", False), ("reverse_", True)):
        flags = pl.col(f"{prefix}tcp_control_bits")
        is_tcp = pl.col("protocol_identifier") == 6
        for letter, flag in _LETTERS:
            seen = is_tcp & (flags & flag > 0)
            if not flag:
                seen = pl.col(f"{prefix}payload_octet_count") > 0
            # An end that answers with SYN sends ACK beside it, which has a letter of its own.
            shown = {"S": "h"}.get(letter, letter.lower()) if is_answer else letter
            letters.append(pl.when(seen).then(pl.lit(shown)).otherwise(pl.lit("")))
    text = pl.concat_str(letters)
    return pl.when(text == "").then(pl.lit("-")).otherwise(text)
