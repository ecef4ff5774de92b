# SPDX-License-Identifier: Apache-2.0
"""Packets of a capture find their conversations: the same key and initiator as in the meter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import polars as pl

from minewatch import types as t
from minewatch.address import Network, is_inside
from minewatch.exporting.observing import ENDPOINTS, PACKET
from minewatch.types import Int64Array

_WORDS: Final = {
    "time_ns": t.P_TIME,
    "source_high": t.P_SOURCE_HIGH,
    "source_low": t.P_SOURCE_LOW,
    "destination_high": t.P_DESTINATION_HIGH,
    "destination_low": t.P_DESTINATION_LOW,
    "destination_port": t.P_DESTINATION_PORT,
    "octets": t.P_OCTETS,
    "payload_octets": t.P_PAYLOAD_OCTETS,
    "tcp_flags": t.P_TCP_FLAGS,
    "sequence": t.P_SEQUENCE,
    "tail": t.P_KEY_TAIL,
    "from_b": t.P_IS_SWAPPED,
}
"""Words of a packet that are looked at. Its ends are A and B, A being the smaller one."""
WORDS: Final = tuple(_WORDS.values())

_KEY: Final = ("a_high", "a_low", "b_high", "b_low", "tail")
_KNOWN: Final[dict[str, pl.DataType]] = {
    **dict.fromkeys(_KEY, pl.Int64()),
    "conversation": pl.Int64(),
    "initiator_b": pl.Boolean(),
    "syn_sequence": pl.Int64(),
    "is_busy": pl.Boolean(),
}
"""What is remembered of a 5-tuple: its latest conversation, who opened that, the sequence number
of its latest SYN, and whether payload, FIN or RST came in it."""
_FIN, _SYN, _RST, _ACK = 1, 2, 4, 16


class Tracker:
    """Numbers the conversations of a capture and remembers their ends.

    Parameters
    ----------
    home : networks of the watched side.
    first_conversation : number of the first conversation.
    splits : a SYN of another sequence number, after payload, FIN or RST, opens another
        conversation on the same ports; otherwise a conversation is a 5-tuple.
    """

    def __init__(
        self, home: Sequence[Network], first_conversation: int = 1, *, splits: bool
    ) -> None:
        self._home = home
        self._splits = splits
        self._known = pl.DataFrame(schema=_KNOWN)
        self.next_conversation = first_conversation
        self.endpoints = pl.DataFrame(schema=ENDPOINTS)
        """Ends of all conversations that are remembered."""

    def track(self, words: Int64Array) -> pl.DataFrame:
        """Return packets in the columns of ``PACKET``, in their order.

        Parameters
        ----------
        words : one row a packet, shape (n, len(WORDS)), in the order of ``WORDS``.
        """
        columns = {name: words[:, at].copy() for at, name in enumerate(_WORDS)}
        packets = _with_key(pl.DataFrame(columns))
        packets = packets.join(self._known, on=_KEY, how="left", maintain_order="left")
        packets = self._with_parts(packets)
        groups = _grouped(packets)
        is_new = pl.col("conversation").is_null()
        groups = groups.with_columns(
            pl.when(is_new)
            .then(is_new.cum_sum().cast(pl.Int64) - 1 + self.next_conversation)
            .otherwise(pl.col("conversation"))
            .alias("number"),
            pl.coalesce("initiator_b", "opener_b").alias("initiator_b"),
            is_new=is_new,
        )
        new = groups.filter("is_new")
        self.next_conversation += len(new)
        self.endpoints = pl.concat([self.endpoints, self._ends(new)])
        self._remember(groups)
        numbers = groups.select(*_KEY, "part", "number", opened_b="initiator_b")
        packets = packets.join(numbers, on=[*_KEY, "part"], how="left", maintain_order="left")
        return packets.select(
            conversation="number",
            time_ns="time_ns",
            octets="octets",
            payload_octets="payload_octets",
            from_initiator=pl.col("from_b") == pl.col("opened_b"),
            tcp_flags="tcp_flags",
        ).cast(dict(PACKET))  # type: ignore[arg-type]

    def forget_all_but(self, conversations: pl.Series) -> None:
        """Forget conversations, so that memory stays bounded.

        Parameters
        ----------
        conversations : those that are remembered.
        """
        wanted = pl.col("conversation").is_in(conversations.implode())
        self.endpoints = self.endpoints.filter(wanted)
        self._known = self._known.filter(wanted)

    def _with_parts(self, packets: pl.DataFrame) -> pl.DataFrame:
        """Add ``part``: the number of the conversation within its 5-tuple's packets, from 0."""
        if not self._splits:
            return packets.with_columns(part=pl.lit(0, pl.UInt32))
        opens = pl.col("tcp_flags") & (_SYN | _ACK) == _SYN
        was_busy = pl.col("is_busy").fill_null(value=False)
        sequence = pl.when(opens).then(pl.col("sequence")).forward_fill().shift(1).over(_KEY)
        packets = packets.with_columns(
            # Before the packet itself.
            busy=(_is_busy().cum_sum() - _is_busy().cast(pl.UInt32)).over(_KEY) + was_busy,
            before=pl.coalesce(sequence, pl.col("syn_sequence").replace(-1, None)),
        )
        is_new = opens & pl.col("before").ne_missing(pl.col("sequence"))
        # Where a new SYN opened nothing, nothing had been busy before it: counting from the new
        # SYN before is counting from the beginning of the conversation.
        busy_then = pl.when(is_new).then(pl.col("busy")).forward_fill().shift(1).over(_KEY)
        packets = packets.with_columns(is_new=is_new, busy_then=busy_then.fill_null(0))
        is_other = pl.col("is_new") & (pl.col("busy") > pl.col("busy_then"))
        return packets.with_columns(part=is_other.cum_sum().over(_KEY).cast(pl.UInt32))

    def _remember(self, groups: pl.DataFrame) -> None:
        latest = groups.group_by(_KEY, maintain_order=True).last()
        latest = latest.select(
            *_KEY,
            pl.col("number").alias("conversation"),
            "initiator_b",
            pl.col("last_syn").fill_null(-1).alias("syn_sequence"),
            pl.col("is_busy_now").alias("is_busy"),
        ).cast(dict(_KNOWN))  # type: ignore[arg-type]
        others = self._known.join(latest, on=_KEY, how="anti")
        self._known = pl.concat([others, latest])

    def _ends(self, new: pl.DataFrame) -> pl.DataFrame:
        tail, b_first = pl.col("tail"), pl.col("initiator_b")
        protocol = tail & 0xFF
        port_a, port_b = tail // (1 << 32) & 0xFFFF, tail // (1 << 16) & 0xFFFF
        is_icmp = protocol.is_in([1, 58])
        ends = new.select(
            pl.col("number").alias("conversation"),
            *(
                pl.when(b_first if end == "source" else ~b_first)
                .then(pl.col(f"b_{half}"))
                .otherwise(pl.col(f"a_{half}"))
                .reinterpret(signed=False)
                .alias(f"{end}_address_{half}")
                for end in ("source", "destination")
                for half in ("high", "low")
            ),
            pl.when(b_first).then(port_b).otherwise(port_a).alias("source_transport_port"),
            pl.when(is_icmp)
            .then(pl.col("first_destination_port"))
            .otherwise(pl.when(b_first).then(port_a).otherwise(port_b))
            .alias("destination_transport_port"),
            protocol.alias("protocol_identifier"),
        )
        return ends.with_columns(
            is_inside(f"{end}_address", self._home).alias(f"is_{end}_home")
            for end in ("source", "destination")
        ).cast(dict(ENDPOINTS))  # type: ignore[arg-type]


def _is_busy() -> pl.Expr:
    return (pl.col("payload_octets") > 0) | (pl.col("tcp_flags") & (_FIN | _RST) > 0)


def _with_key(packets: pl.DataFrame) -> pl.DataFrame:
    from_b = pl.col("from_b") > 0
    return packets.with_columns(
        pl.when(from_b if end == "b" else ~from_b)
        .then(pl.col(f"source_{half}"))
        .otherwise(pl.col(f"destination_{half}"))
        .alias(f"{end}_{half}")
        for end in "ab"
        for half in ("high", "low")
    ).with_columns(from_b=from_b)


def _grouped(packets: pl.DataFrame) -> pl.DataFrame:
    """Return one row for each conversation among these packets, in the order of first packets.

    Who opened is who sent SYN, or did not send SYN and ACK, or else sent the first packet.
    """
    flags, from_b = pl.col("tcp_flags"), pl.col("from_b")
    opening = flags & (_SYN | _ACK)
    is_first_part = pl.col("part") == 0
    return packets.group_by(*_KEY, "part", maintain_order=True).agg(
        pl.when(is_first_part).then(pl.col("conversation")).first(),
        pl.when(is_first_part).then(pl.col("initiator_b")).first(),
        opener_b=pl.coalesce(
            from_b.filter(opening == _SYN).first(),
            ~from_b.filter(opening == _SYN | _ACK).first(),
            from_b.first(),
        ),
        last_syn=pl.coalesce(
            pl.col("sequence").filter(opening == _SYN).last(), pl.col("syn_sequence").first()
        ),
        is_busy_now=_is_busy().any()
        | (is_first_part & pl.col("is_busy").fill_null(value=False)).any(),
        first_destination_port=pl.col("destination_port").first(),
    )
