# SPDX-License-Identifier: Apache-2.0
"""Counters of a NetFlow record and what can be divided from them, told by trees."""

from __future__ import annotations

from minewatch.detectors.learnt import LearntDetector
from minewatch.features.volume import VolumeFeatures


class NetflowDetector(LearntDetector):
    """Scores a conversation by what a plain NetFlow or IPFIX record says of both its directions.

    The work below tells miners of Bitcoin, Ethereum and Monero by NetFlow records alone: packets
    and octets of either direction, their ratios, bits and packets a second, octets a packet. Of
    it we know the abstract, that of its first author's thesis, and what others write of it. The
    exact list, the choice among its classifiers (trees, support vectors, naive Bayes) and their
    parameters are therefore ours: twelve features and a random forest, calibrated on sources that
    it had not seen.

    Assumes counters of both directions, and that the whole conversation was counted: with sampled
    records packets and octets are too few, and ratios noisy. Blind spots: whatever moves as much
    as slowly as a miner (heartbeats, queues, push channels); padding, throttling and proxies, which
    change every number; dialects that were not in the training data. Packets, octets and
    their rates depend on how long was looked.

    Parameters
    ----------
    models : one loaded model; None for the one that ships.

    Raises
    ------
    ModelError : the model was made for another feature set, or for features that are unknown.

    Notes
    -----
    Needs nothing that a flow log does not have; not ready (NaN) where fewer than ten of the
    twelve are known: one direction alone, or a conversation of no duration. Cost: some divisions
    and 60 trees, 4 microseconds a conversation. One thread; rows never affect each other.

    References
    ----------
    .. [1] J. Z. i Munoz, J. Suarez-Varela, P. Barlet-Ros, "Detecting cryptocurrency miners with
       NetFlow/IPFIX network measurements", IEEE M&N 2019.
    .. [2] J. Zayuelas i Munoz, "Detection of Bitcoin miners from network measurements", thesis,
       Universitat Politecnica de Catalunya, 2019.
    """

    name = "netflow"
    parts = ("netflow",)
    feature_sets = (VolumeFeatures(),)
