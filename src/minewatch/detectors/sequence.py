# SPDX-License-Identifier: Apache-2.0
"""The first messages one after the other, told by a small convolutional network."""

from __future__ import annotations

from minewatch.detectors.learnt import LearntDetector
from minewatch.features.opening import OpeningFeatures


class SequenceDetector(LearntDetector):
    """Scores a conversation by sizes, directions and gaps of its first 32 messages.

    Convolutions look at five messages at a time: a share and its answer, a job of the size of the
    one before, half a minute of nothing. It is early, since it needs six messages, and says no more
    once it has seen 32: what a conversation does for hours is for other detectors.

    Assumes that the beginning of the conversation was seen, and that packets of one side within
    20 ms are one message. Constants that a tunnel adds to sizes and other paces were trained for.
    Blind spots: padding to random sizes; a miner that first does something else; dialects whose
    openings are unlike any that was trained on; flow logs, which have no packets.

    Parameters
    ----------
    models : one loaded model; None for the one that ships.

    Raises
    ------
    ModelError : the model was made for another feature set, or for features that are unknown.

    Notes
    -----
    Not ready (NaN) below six messages or so. Cost: about 20 microseconds a conversation for two
    networks of 4,300 weights, one thread; rows never affect each other. Trained with PyTorch, run
    without. Evidence is per message: what the score would be without this size or gap.

    References
    ----------
    .. [1] M. Lopez-Martin, B. Carro, A. Sanchez-Esguevillas, J. Lloret, "Network Traffic Classifier
       With Convolutional and Recurrent Neural Networks for Internet of Things", IEEE Access 2017.
    .. [2] P. Sirinam et al., "Deep Fingerprinting", CCS 2018 (directions of packets in a
       convolutional network).
    """

    name = "sequence"
    parts = ("sequence",)
    feature_sets = (OpeningFeatures(),)
