# SPDX-License-Identifier: Apache-2.0
"""The main statistical detector: trees on the rhythm of a conversation."""

from __future__ import annotations

from minewatch.detectors.learnt import LearntDetector
from minewatch.features.rhythm import RhythmFeatures


class RhythmDetector(LearntDetector):
    """Scores a conversation by who speaks when, how much, and how steadily.

    Of packets, extremely randomised trees over gaps and initiative of messages, the ladder of their
    sizes, and steadiness from interval to interval; of flow logs, boosted trees over intervals and
    totals alone. Learnt from real captures, a lab and simulated traffic, each also varied: thinned,
    padded, shifted as by TLS, faster and slower, without its beginning; normal traffic the same
    way as mining. No payload, port, address or time of day.

    Assumes that a pool speaks unasked at irregular moments, that its miner answers none of that,
    and that shares get short answers at once; and that this goes on. Blind spots: a tunnel that
    sends at a fixed rate; several sessions in one connection; conversations of a minute; whatever
    else is pushed irregularly to a client that reports now and then (block notifications of
    Electrum, queues of jobs).

    Parameters
    ----------
    models : for packets and for flow logs; None for those that ship.

    Raises
    ------
    ModelError : a model was made for another feature set, or for features that are unknown.

    Notes
    -----
    Not ready (NaN) where fewer features are known than a model's card demands. One thread; rows
    never affect each other.

    References
    ----------
    .. [1] Y. Feng, J. Li, D. Sisodia, "CJ-Sniffer", RAID 2022 (gaps between packets).
    .. [2] J. Koumar, R. Plny, T. Cejka, "Enhancing DeCrypto", CNSM 2023 (periodicity of flows).
    """

    name = "rhythm"
    parts = ("rhythm", "rhythm-flows")
    feature_sets = (RhythmFeatures(),)
