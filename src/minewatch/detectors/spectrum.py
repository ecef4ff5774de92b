# SPDX-License-Identifier: Apache-2.0
"""Rhythms in packets a second, told by a small network."""

from __future__ import annotations

from minewatch.detectors.learnt import LearntDetector
from minewatch.features.spectrum import SpectrumFeatures


class SpectrumDetector(LearntDetector):
    """Scores a conversation by the spectrum and the variation of its packets and octets a second.

    As in the poster below, content is not looked at: series of packets and octets are transformed
    by FFT, and a small network tells mining from the rest by the spectra and by how much the
    series vary. Unlike there, it looks at one conversation and not at a host, and at shares of the
    power, so that it does not learn how large messages are.

    Assumes times of packets to a tenth of a second, and one session in a conversation. Blind spots:
    fewer than six payload packets or 16 s of them; what comes by chance at the rate of shares
    (chats, notifications); many miners behind one proxy; padding at a fixed rate; flow logs.

    Parameters
    ----------
    models : one loaded model; None for the one that ships.

    Raises
    ------
    ModelError : the model was made for another feature set, or for features that are unknown.

    Notes
    -----
    Not ready (NaN) where too few of the features are known. Cost: that of ``SpectrumFeatures``, and
    a few microseconds a conversation for the network. One thread; rows never affect each other.

    References
    ----------
    .. [1] Y. Feng, D. Sisodia, J. Li, "POSTER: Content-Agnostic Identification of Cryptojacking in
       Network Traffic", ASIA CCS 2020.
    """

    name = "spectrum"
    parts = ("spectrum",)
    feature_sets = (SpectrumFeatures(),)
