# SPDX-License-Identifier: Apache-2.0
"""When messages come: what encryption does not hide and the attacker cannot move."""

from __future__ import annotations

from typing import Final

import numpy as np

from minewatch.features.exchange import Exchange, exchange_of
from minewatch.features.matrix import duration_s
from minewatch.features.named import NamedFeatures
from minewatch.features.ragged import Ragged
from minewatch.features.series import messages_of
from minewatch.types import BoolArray, Conversations, FloatArray

NEAR_MEDIAN: Final = 0.05
"""A gap within this share of the median counts as the beat of a clock."""
SILENCE_S: Final = 10.0
LONG_SILENCE_S: Final = 45.0
BURST_S: Final = 0.2
FEW: Final = 32
"""Up to here the number of messages is told: how much the other features are worth. Beyond, it
would tell how long the recording was."""

_CLOCKS: Final = (
    ("asked", "messages that the client sends unasked"),
    ("push", "messages that the server sends unasked"),
)
_GAPS: Final = (
    ("gap_median", "s", "median gap between"),
    ("gap_low", "s", "10th percentile of the gaps between"),
    ("gap_high", "s", "90th percentile of the gaps between"),
    ("gap_variation", "1", "variation of the gaps between"),
    ("beat_share", "1", "share of gaps near their median, between"),
    ("exponential_distance", "1", "distance from chance (an exponential law) of the gaps between"),
    ("gap_memory", "1", "correlation of one gap with the next, between"),
    ("rate", "1/min", "rate of"),
)


def timing_columns(conversations: Conversations) -> list[FloatArray]:
    """Return the columns of ``TimingFeatures``, each of shape (n,).

    Parameters
    ----------
    conversations : n of them.
    """
    talk = exchange_of(conversations)
    messages = talk.messages
    gaps = messages.ragged(talk.gap_s).where(np.isfinite(talk.gap_s))
    idle_s = _idle_s(conversations)
    seen_s = np.where(messages.count() > 0, gaps.sum() + idle_s, np.nan)
    seen_s[seen_s <= 0] = np.nan
    columns = [column for role in ("asked", "push") for column in _clock(talk, role, seen_s)]
    received = messages.ragged(messages.time_s).where(~messages.is_sent)
    sent = messages.ragged(messages.time_s).where(messages.is_sent)
    lag = messages.ragged(talk.gap_s).where(talk.is_answer)
    low, middle, high = lag.quantile(0.1, 0.5, 0.9)
    return [
        *columns,
        received.share(talk.is_push[~messages.is_sent]),
        sent.share(talk.is_asked[messages.is_sent]),
        _share(talk, talk.is_push, talk.is_answered),
        _share(talk, talk.is_asked, talk.is_answered),
        middle,
        high - middle,
        middle - low,
        *(_silent(gaps, idle_s, at_least) / seen_s for at_least in (SILENCE_S, LONG_SILENCE_S)),
        np.fmax(gaps.quantile(1.0), idle_s) / seen_s,
        idle_s / seen_s,
        gaps.share(gaps.values < BURST_S),
        gaps.quantile(0.5),
        60 * messages.count() / seen_s,
        *(_up_to_32(talk, mask) for mask in (talk.is_asked, talk.is_answer, talk.is_push)),
    ]


def _idle_s(conversations: Conversations) -> FloatArray:
    """Seconds of each conversation before its first message and after its last one."""
    messages = messages_of(conversations)
    last_s = messages.ragged(messages.time_s).quantile(1.0)
    return np.maximum(duration_s(conversations.frame) - last_s, 0.0)


def _silent(gaps: Ragged, idle_s: FloatArray, at_least: float) -> FloatArray:
    """Seconds in gaps of such a length."""
    silences = gaps.with_values(np.where(gaps.values > at_least, gaps.values, 0.0)).sum()
    return silences + np.where(idle_s > at_least, idle_s, 0.0)


def _up_to_32(talk: Exchange, mask: BoolArray) -> FloatArray:
    """How many messages of a role there are, up to 32; NaN without any message."""
    count = np.minimum(talk.messages.where(mask).count(), FEW)
    return np.where(talk.messages.count() > 0, count, np.nan)


def _share(talk: Exchange, among: BoolArray, such: BoolArray) -> FloatArray:
    """The share of some messages that are such."""
    return talk.messages.ragged(talk.messages.time_s).where(among).share(such[among])


def _clock(talk: Exchange, role: str, seen_s: FloatArray) -> list[FloatArray]:
    """The statistics of ``_GAPS`` for messages of one role."""
    mask = talk.is_asked if role == "asked" else talk.is_push
    series = talk.messages.where(mask)
    gaps = series.gap_s()
    known = np.isfinite(gaps)
    lists = series.ragged(gaps).where(known)
    low, middle, high = lists.quantile(0.1, 0.5, 0.9)
    near = np.abs(lists.values / np.maximum(middle[lists.owner], 1e-9) - 1) <= NEAR_MEDIAN
    enough = lists.count() >= 3
    return [
        middle,
        low,
        high,
        lists.variation(),
        np.where(enough, lists.share(near), np.nan),
        np.where(enough, exponential_distance(lists), np.nan),
        np.where(enough, memory(lists), np.nan),
        60 * series.count() / seen_s,
    ]


def exponential_distance(gaps: Ragged) -> FloatArray:
    """Return the Kolmogorov-Smirnov distance of each list from an exponential law of its mean.

    Shares are found by chance, so their gaps are close to it; a heartbeat's gaps are far from it.

    Parameters
    ----------
    gaps : seconds, above 0.

    Examples
    --------
    >>> beat = Ragged(np.full(50, 60.0), np.array([50]))
    >>> exponential_distance(beat).round(2)
    array([0.63])
    """
    order = np.lexsort((gaps.values, gaps.owner))
    ordered = Ragged(gaps.values[order], gaps.stops)
    # Below 0 they are where the clock was set back between two packets.
    law = 1 - np.exp(
        -np.maximum(ordered.values, 0.0) / np.maximum(gaps.mean()[ordered.owner], 1e-9)
    )
    rank = np.arange(len(law)) - ordered.starts[ordered.owner]
    count = ordered.count()[ordered.owner]
    apart = np.maximum(np.abs((rank + 1) / count - law), np.abs(rank / count - law))
    return ordered.with_values(apart).quantile(1.0)


def memory(gaps: Ragged) -> FloatArray:
    """Return the correlation of each gap's logarithm with that of the gap before.

    Parameters
    ----------
    gaps : seconds.

    Examples
    --------
    >>> memory(Ragged(np.array([1.0, 9.0, 1.0, 9.0, 1.0]), np.array([5])))
    array([-0.8])
    """
    logs = gaps.with_values(np.log(np.maximum(gaps.values, 1e-3)))
    off = logs.with_values(logs.values - logs.mean()[logs.owner])
    products = off.with_values(np.nan_to_num(off.values * off.previous()))
    return products.sum() / np.where(logs.std() > 1e-9, logs.std() ** 2 * logs.count(), np.nan)


class TimingFeatures(NamedFeatures):
    """Gaps, lags and initiative of messages, per direction.

    A message is *asked* if the client sends it unasked (a share), an *answer* if the server sends
    it within a second after one of the client's (a result), a *push* if the server sends it unasked
    (a job), a *reply* if the client answers a push (a heartbeat's).

    A pool's jobs follow blocks and template refreshes; shares come by chance, so that their gaps
    are exponential; both go on for hours; nobody answers a job at once.

    Blind spots: tunnels that send at a fixed rate; several sessions in one connection (proxies),
    whose gaps are a mixture; conversations of a handful of messages, of which most of it is NaN.

    Notes
    -----
    Cost O(p log p) for p kept packets. Invariant to sizes, addresses, ports and absolute time. NaN
    for inputs without packets.

    References
    ----------
    .. [1] Y. Feng et al., "CJ-Sniffer", RAID 2022 (inter-packet intervals).

    Examples
    --------
    >>> from minewatch.testing import conversations
    >>> bool(np.isnan(TimingFeatures().transform(conversations()).values).all())
    True
    """

    name = "timing"
    requires = ("flow_id", "flow_start_nanoseconds", "flow_end_nanoseconds")
    features = (
        *(
            (f"{role}_{name}", unit, f"{phrase} {what}")
            for role, what in _CLOCKS
            for name, unit, phrase in _GAPS
        ),
        ("push_share", "1", "share of the server's messages that come unasked"),
        ("asked_share", "1", "share of the client's messages that come unasked"),
        ("push_answered_share", "1", "share of the server's unasked messages answered at once"),
        ("asked_answered_share", "1", "share of the client's unasked messages answered at once"),
        ("answer_lag", "s", "median time to the server's answer"),
        ("answer_lag_above", "s", "90th percentile of the answers' time above its median"),
        ("answer_lag_below", "s", "10th percentile of the answers' time below its median"),
        ("silent_share", "1", "share of the time in silences above 10 s"),
        ("long_silent_share", "1", "share of the time in silences above 45 s"),
        ("longest_silence_share", "1", "longest silence as a share of the time"),
        ("idle_share", "1", "share of the time before the first and after the last message"),
        ("burst_share", "1", "share of messages within 0.2 s of the one before"),
        ("message_gap", "s", "median gap between messages"),
        ("message_rate", "1/min", "messages per minute"),
        ("asked_seen", "1", "client's unasked messages seen, up to 32"),
        ("answers_seen", "1", "server's answers seen, up to 32"),
        ("pushes_seen", "1", "server's unasked messages seen, up to 32"),
    )

    def columns(self, conversations: Conversations) -> list[FloatArray]:
        """Return ``timing_columns``.

        Parameters
        ----------
        conversations : n of them.
        """
        return timing_columns(conversations)
