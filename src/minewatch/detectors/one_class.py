# SPDX-License-Identifier: Apache-2.0
"""Mining recognised by what mining looks like, without having learnt what anything else does."""

from __future__ import annotations

from typing import Final

from minewatch.contracts import FeatureSet
from minewatch.detectors.learnt import LearntDetector
from minewatch.features.stratum_shape import StratumShapeFeatures

FEATURE_SETS: Final[tuple[FeatureSet, ...]] = (StratumShapeFeatures(),)


class OneClassDetector(LearntDetector):
    """Scores how much a conversation resembles a Stratum exchange; trained on mining alone.

    After XMR-Ray [1]_: a one-class classifier over features of a Stratum exchange that is
    reconstructed without payload. Its authors report 98.94 % of mining found at 0.05 % false alarms
    from NetFlow records, on pools not seen, through TLS and proxies. Theirs are the task, the kind
    of classifier and the idea of the features; which classifier and which features they used was
    not at hand, so ours are a kernel density estimate and ``features.stratum_shape``. What normal
    traffic looks like was never learnt, so a service that nobody recorded cannot mislead the
    training; normal conversations set the calibration alone, which keeps the order of scores.

    Assumes that a miner asks, is answered and is notified, in messages of few sizes and for
    minutes. The first model reads messages of packets, the second interval records of flow logs;
    each is silent until enough of them was seen, which for records of 600 s takes half an hour.

    Blind spots: dialects unlike those learnt from; padding to random sizes; many miners behind one
    connection; what resembles mining because it is the same kind of exchange (JSON-RPC services,
    wallet servers, IoT hubs, job queues), which a classifier of two classes learns to tell and
    this one cannot. Better at naming doubt than at a verdict of its own.

    Parameters
    ----------
    models : loaded models, that for packets first; None for those that ship.

    Raises
    ------
    ModelError : a model was made for another feature set, or for features that are unknown.

    Notes
    -----
    Cost O(prototypes * features) a conversation (100 * 27) beside that of the features. One
    thread; rows never affect each other. In the evidence, *towards mining* reads: more like mining
    that was learnt from than if the value were that of ordinary traffic.

    References
    ----------
    .. [1] M. Russo, N. Srndic, P. Laskov, "Detection of illicit cryptomining using network
       metadata", EURASIP J. on Information Security, 2021, doi 10.1186/s13635-021-00126-1.
    """

    name = "one-class"
    parts = ("one-class", "one-class-flows")
    feature_sets = FEATURE_SETS
