# SPDX-License-Identifier: Apache-2.0
"""Signatures first, naive Bayes for what they do not know."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from minewatch.detectors.learnt import LearntDetector
from minewatch.detectors.signature import SignatureDetector
from minewatch.features.matrix import is_complete
from minewatch.features.volume import VolumeFeatures
from minewatch.models.model_file import Model
from minewatch.types import Conversations, Evidence, FloatArray, Scores

MATCHED: Final = 0.5
"""Probability from which on ``signature`` counts as a rule of Snort that fired: rather than not."""


class NaiveBayesDetector(LearntDetector):
    """Keeps what ``signature`` is sure of, and scores everything else by naive Bayes.

    Patel and Srivastava put a naive Bayes classifier behind Snort, for attacks that no rule knows.
    We know their work through others; theirs is about intrusion in general. Here ``signature``
    stands in for Snort with rules for mining. Which features they used is not known to us: the
    second stage is a Gaussian naive Bayes over the logarithms of duration, octets, and sizes and
    rates of either direction; what is unknown is left out of the product.

    The stages combine as theirs do, in a row: where ``signature`` gives ``MATCHED`` or more, its
    probability stands; everywhere else that of naive Bayes, also where ``signature`` found
    payload harmless, because Snort says nothing of what meets no rule. Without payload, only the
    second stage speaks. That of the first holds at ``fusion.BASE_RATE``, that of the second one
    at the base rate in the model's card, the same unless someone chose another.

    Assumes that features are independent given the label, which sizes and rates are not: its own
    probabilities are far too sure, and the calibration takes that back. Blind spots: those of
    ``flowstats`` for the second stage (heartbeats, queues, padding, throttling); TLS for the
    first.

    Parameters
    ----------
    models : one loaded model; None for the one that ships.

    Raises
    ------
    ModelError : the model was made for another feature set, or for features that are unknown.

    Notes
    -----
    Not ready (NaN) where neither stage is, and without the columns that the second one requires.
    Cost: 2 microseconds a conversation, beside the decoder that ``signature`` needs. One thread;
    rows never affect each other.

    References
    ----------
    .. [1] K. Patel, R. Srivastava, "Classification of cloud data using Bayesian classification",
       Int. J. Sci. Res. 2(6), 2013 (known to us through [2]_).
    .. [2] P. Kwedza, S. D. Chindipha, "Cryptojacking Detection in Cloud Infrastructure using
       Network Traffic", section II-A.
    """

    name = "naive-bayes"
    parts = ("naive-bayes",)
    feature_sets = (VolumeFeatures(),)
    uses = SignatureDetector.uses

    def __init__(self, models: Sequence[Model] | None = None) -> None:
        super().__init__(models)
        self._signature = SignatureDetector()

    def score(self, conversations: Conversations) -> Scores:
        """Return the first stage's probability where it matched, else the second's, or NaN."""
        learnt = super().score(conversations).probability
        if not is_complete(conversations.frame, self.requires):
            return Scores(self.name, learnt)
        signature = self._matches(conversations)
        return Scores(self.name, np.where(np.isnan(signature), learnt, signature))

    def explain(self, conversations: Conversations, row: int) -> Sequence[Evidence]:
        """Return the reasons of the stage that gave the score of one row."""
        if not is_complete(conversations.frame, self.requires):
            return []
        alone = Conversations(conversations.frame.slice(row, 1))
        if np.isnan(self._matches(alone)[0]):
            return super().explain(conversations, row)
        return self._signature.explain(alone, 0)

    def _matches(self, conversations: Conversations) -> FloatArray:
        """What the first stage says where it matched, NaN elsewhere."""
        probability = self._signature.score(conversations).probability
        return np.where(probability >= MATCHED, probability, np.nan)
