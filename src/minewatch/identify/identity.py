# SPDX-License-Identifier: Apache-2.0
"""What each of some conversations mines, from its payload where there is any, else by its shape."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import polars as pl

from minewatch.identify.card import QUESTIONS
from minewatch.identify.model import CoinModel, shipped_coin_model
from minewatch.identify.names import (
    ONLY_ALGORITHM,
    PAYLOAD,
    SHAPE,
    UNKNOWN,
    algorithm_family,
    payout_coin,
)
from minewatch.schema import Column
from minewatch.types import BoolArray, Conversations

IDENTITY: Final = (
    Column(
        "algorithm",
        pl.String(),
        "-",
        "Hash function: as the messages name it, or its family by the shape of the traffic; "
        "`unknown` where neither tells.",
    ),
    Column("algorithm_source", pl.String(), "-", "`payload` or `shape`."),
    Column("dialect", pl.String(), "-", "How miner and pool talk; `unknown` as for algorithm."),
    Column("dialect_source", pl.String(), "-", "`payload` or `shape`."),
    Column(
        "pool_family",
        pl.String(),
        "-",
        "How the far end works: single-coin, multi-coin, f2pool, p2pool, proxy, node or "
        "browser-proxy; `unknown` as for algorithm.",
    ),
    Column(
        "payout_coin",
        pl.String(),
        "-",
        "Coin to be paid in, from the login; the chain that is mined may be another.",
    ),
)
"""What ``identify`` adds to conversations. Null: not looked at, or (coin) not said."""
_READ: Final = (*("stratum_dialect", "stratum_algorithm", "stratum_coin_hint", "stratum_login"),)


def identify(
    conversations: Conversations, rows: BoolArray, model: CoinModel | None = None
) -> pl.DataFrame:
    """Return what is mined, one row a conversation, in the columns of ``IDENTITY``.

    Payload is believed first. What it leaves open (Bitcoin's dialect serves several algorithms) the
    shape answers among what the payload allows.

    Parameters
    ----------
    conversations : n of them, with the decoders' columns or without.
    rows : which are mining, shape (n,): only these are asked by shape; of the others only what was
        read is told.
    model : tells by shape; None for the one that ships.

    Examples
    --------
    >>> from minewatch.testing import conversations
    >>> given = conversations(stratum_dialect="zcash", stratum_login="t1Rv4exT…Zr7b")
    >>> identify(given, np.array([True])).row(0)[:3]
    ('equihash', 'payload', 'zcash')
    """
    frame = conversations.frame
    absent = [pl.lit(None, pl.String).alias(n) for n in _READ if n not in frame.columns]
    read = frame.with_columns(absent).select(_READ)
    if not frame.height:
        return pl.DataFrame(schema={column.name: column.dtype for column in IDENTITY})
    # Few conversations are mining: the others cost nothing.
    places = np.flatnonzero(rows | read["stratum_dialect"].is_not_null().to_numpy()).tolist()
    found = {i: _from_payload(read.row(i, named=True)) for i in places}
    _from_shape(found, conversations, rows, model)
    nothing = [None] * frame.height
    return pl.DataFrame(
        pl.Series(column.name, nothing, column.dtype).scatter(
            places, pl.Series([found[i][column.name] for i in places], dtype=column.dtype)
        )
        for column in IDENTITY
    )


def with_identity(conversations: Conversations, rows: BoolArray) -> Conversations:
    """Return the conversations with the columns of ``IDENTITY``.

    Parameters
    ----------
    conversations : n of them.
    rows : which are mining, shape (n,).
    """
    frame = conversations.frame.with_columns(identify(conversations, rows).get_columns())
    return Conversations(
        frame,
        conversations.intervals,
        conversations.packets,
        conversations.payloads,
        conversations.memory,
    )


def identity_sentence(values: Mapping[str, Any]) -> str | None:
    """Return what is mined as one sentence for a person, None if nobody looked.

    Parameters
    ----------
    values : a row with the columns of ``IDENTITY``.

    Examples
    --------
    >>> identity_sentence({"algorithm": "randomx", "algorithm_source": "shape",
    ...     "dialect": "unknown", "pool_family": "p2pool", "payout_coin": None})
    'Algorithm randomx (by shape), dialect unknown, pool of family p2pool; payout coin not told.'
    """
    algorithm = values.get("algorithm")
    if algorithm is None:
        return None
    source = "as the messages say" if values["algorithm_source"] == PAYLOAD else "by shape"
    text = f"Algorithm {algorithm} ({source})" if algorithm != UNKNOWN else "Algorithm unknown"
    text += f", dialect {values.get('dialect') or UNKNOWN}"
    family = values.get("pool_family")
    text += f", pool of family {family}" if family and family != UNKNOWN else ""
    coin = values.get("payout_coin")
    text += f"; paid in {coin}." if coin else "; payout coin not told."
    return "".join(c if c.isprintable() else "?" for c in text[:400])


def _from_payload(read: Mapping[str, str | None]) -> dict[str, str | None]:
    dialect = read["stratum_dialect"]
    algorithm = read["stratum_algorithm"] or ONLY_ALGORITHM.get(dialect or "")
    hint = read["stratum_coin_hint"]
    source = SHAPE if dialect == "stratum-v2" else PAYLOAD  # encrypted: told by sizes
    return {
        "algorithm": algorithm,
        "algorithm_source": source if algorithm else None,
        "dialect": dialect,
        "dialect_source": source if dialect else None,
        # A pool that pays in a coin by the login's prefix is one that pays in many.
        "pool_family": "multi-coin" if hint and dialect == "cryptonote" else None,
        "payout_coin": payout_coin(hint, read["stratum_login"], dialect),
    }


def _from_shape(
    found: Mapping[int, dict[str, str | None]],
    conversations: Conversations,
    rows: BoolArray,
    model: CoinModel | None,
) -> None:
    """Fill what the payload left open, of some conversations."""
    asked = [i for i in np.flatnonzero(rows).tolist() if _is_open(found[i])]
    if not asked:
        return
    model = model or shipped_coin_model()
    is_asked = np.zeros(len(conversations), np.bool_)
    is_asked[asked] = True
    chosen = conversations.filter(is_asked)
    shares = model.shares(model.values(chosen))
    series = [chosen.packets.get(flow_id) for flow_id in chosen.frame["flow_id"].to_list()]
    has_packets = np.array([one is not None and len(one.time_ns) > 0 for one in series])
    allowed = np.array([_allowed(found[i], model) for i in asked])
    # A dialect or algorithm that the model does not know leaves it nothing to say.
    for question in QUESTIONS:
        for i, answer in zip(
            asked, model.answers(shares, question, has_packets, allowed), strict=True
        ):
            if found[i][question] is None:
                found[i][question] = answer
                if f"{question}_source" in found[i]:
                    found[i][f"{question}_source"] = SHAPE


def _is_open(known: Mapping[str, str | None]) -> bool:
    return any(known[question] is None for question in QUESTIONS)


def _allowed(known: Mapping[str, str | None], model: CoinModel) -> list[bool]:
    """Tell which of the model's kinds agree with what was read."""
    algorithm = known["algorithm"]
    wanted = {
        "algorithm": algorithm_family(algorithm) if algorithm else None,
        "dialect": known["dialect"],
        "pool_family": known["pool_family"],
    }
    return [
        all(value is None or kind.answer(name) == value for name, value in wanted.items())
        for kind in model.card.kinds
    ]
