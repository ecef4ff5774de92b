# SPDX-License-Identifier: Apache-2.0
"""How the model of the ``naive-bayes`` detector is made."""

from __future__ import annotations

from typing import Final

from minewatch.features.volume import VolumeFeatures
from minewatch.training.corpus.tables import WHOLE
from minewatch.training.corpus.views import InputKind
from minewatch.training.gaussian_bayes import GaussianBayes, gaussian_bayes_file
from minewatch.training.recipe import Recipe

FEATURES: Final = (
    *("duration", "sent_octets", "received_octets"),
    *("sent_octets_per_packet", "received_octets_per_packet"),
    *("sent_bits_per_second", "received_bits_per_second"),
    *("sent_packets_per_minute", "received_packets_per_minute"),
)
"""What KDD Cup 1999, the usual data of such systems then, measures of any connection (duration,
octets of either side), and the six statistics of Kwedza and Chindipha, with sizes in octets."""

RECIPES: Final = (
    Recipe(
        detector="naive-bayes",
        part="naive-bayes",
        feature_set=VolumeFeatures(),
        features=FEATURES,
        inputs=(InputKind.NO_PAYLOAD, InputKind.FIRST_30, InputKind.FLOWS_60, InputKind.FLOWS_600),
        horizons_s=(60, 120, 600, 1800, WHOLE),
        estimator=GaussianBayes,
        algorithm="Gaussian naive Bayes",
        min_known=8,
        max_simulated=12_000,
        exporter=gaussian_bayes_file,
    ),
)
