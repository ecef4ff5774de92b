# SPDX-License-Identifier: Apache-2.0
"""States of connections as Zeek's ``conn_state`` has them.

They are those of docs.zeek.org/en/master/scripts/base/protocols/conn/main.zeek.html.
"""

from __future__ import annotations

from typing import Final

import polars as pl

CLOSED: Final = ("SF", "RSTO", "RSTR", "RSTOS0", "RSTRH")
"""States of connections of which TCP told the end."""
_FIN, _SYN, _RST, _ACK = 1, 2, 4, 16


def conn_state() -> pl.Expr:
    """Return the state by the flags that either end sent; the order of flags does not count."""
    sent, answered = pl.col("tcp_control_bits"), pl.col("reverse_tcp_control_bits")
    has_answer = pl.col("reverse_packet_delta_count") > 0
    opened, accepted = sent & _SYN > 0, (answered & _SYN > 0) & (answered & _ACK > 0)
    resets, is_reset = sent & _RST > 0, answered & _RST > 0
    ends, is_ended = sent & _FIN > 0, answered & _FIN > 0
    tcp = (
        pl.when(~opened)
        .then(pl.when(accepted & is_ended).then(pl.lit("SHR")).otherwise(pl.lit("OTH")))
        .when(~accepted & is_reset)
        .then(pl.lit("REJ"))
        .when(~accepted & resets)
        .then(pl.lit("RSTOS0"))
        .when(~accepted & ends)
        .then(pl.lit("SH"))
        .when(~accepted)
        .then(pl.when(has_answer).then(pl.lit("OTH")).otherwise(pl.lit("S0")))
        .when(resets)
        .then(pl.lit("RSTO"))
        .when(is_reset)
        .then(pl.lit("RSTR"))
        .when(ends & is_ended)
        .then(pl.lit("SF"))
        .when(ends)
        .then(pl.lit("S2"))
        .when(is_ended)
        .then(pl.lit("S3"))
        .otherwise(pl.lit("S1"))
    )
    has_sent = pl.col("packet_delta_count") > 0
    udp = (
        pl.when(has_sent & has_answer)
        .then(pl.lit("SF"))
        .when(has_sent)
        .then(pl.lit("S0"))
        .otherwise(pl.lit("SHR"))
    )
    protocol = pl.col("protocol_identifier")
    return pl.when(protocol == 6).then(tcp).when(protocol == 17).then(udp).otherwise(pl.lit("OTH"))
