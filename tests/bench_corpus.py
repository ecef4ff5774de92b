# SPDX-License-Identifier: Apache-2.0
"""A corpus of several recorders, and a recipe that remembers what it was given to learn from."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import polars as pl
from sklearn.ensemble import RandomForestClassifier

from coin_corpus import KINDS, NS, row, shaped
from minewatch.detectors.learnt import LearntDetector
from minewatch.training.corpus import tables
from minewatch.training.corpus.stored import Corpus
from minewatch.training.corpus.tables import WHOLE
from minewatch.training.corpus.views import InputKind
from minewatch.training.export import to_onnx
from minewatch.training.recipe import Recipe
from minewatch.types import Conversations, FeatureMatrix, Scores

RECORDERS = {
    "alpha": (5, 4),
    "bravo": (3, 4),
    "charlie": (2, 3),
    "delta": (0, 4),
    "cesnet": (4, 4),
    "lab-7": (2, 2),
    "simulator-wild-1": (3, 3),
    "simulator-look-alikes-1": (2, 3),
}
"""Mining and normal conversations of each source."""
AID = "simulator-look-alikes-1"


def talk(is_mining: bool, seconds: float, rng: np.random.Generator) -> pl.DataFrame:
    """Return packets: shares with answers and jobs unasked, or requests with long answers."""
    sent, answer = (190, 60) if is_mining else (90, 900)
    rows = [(0.0, 0, True, 2), (0.02, 0, False, 18)]
    for at in np.cumsum(rng.exponential(15, 200)):
        rows += [(1 + at, sent, True, 24), (1.1 + at, answer + int(rng.integers(40)), False, 24)]
    for at in np.cumsum(rng.exponential(40, 100)) if is_mining else ():
        rows += [(1 + at, 378, False, 24), (1.05 + at, 0, True, 16)]
    rows = sorted(one for one in rows if one[0] <= seconds)
    times, payload, forth, flags = zip(*rows, strict=True)
    return pl.DataFrame(
        {
            "offset_ns": [int(at * NS) for at in times],
            "octets": [n + 52 for n in payload],
            "payload_octets": payload,
            "from_initiator": forth,
            "tcp_flags": flags,
        }
    )


def recorded(recorders: dict[str, tuple[int, int]] | None = None, seed: int = 3) -> Corpus:
    """Return the conversations of some recorders, all of 640 s or more, numbered from 1.

    Those of ``cesnet`` go to four far ends, two that mine; everybody else's far ends are their own.
    One mining conversation of each source was read by the decoder.
    """
    rng = np.random.default_rng(seed)
    frames, packets, read = [], [], []
    number = 0
    for source, counts in (recorders or RECORDERS).items():
        for is_mining, n in zip((True, False), counts, strict=True):
            for i in range(n):
                number += 1
                some = talk(is_mining, float(rng.uniform(680, 800)), rng)
                packets.append(some.with_columns(conversation=pl.lit(number)))
                far = f"port-{i % 2 + 2 * (not is_mining)}" if source == "cesnet" else f"far-{i}"
                miners = replace(KINDS[0], dialect="cryptonote") if is_mining else None
                frames.append(row(number, some, miners, far, source))
                if is_mining and i == 0:
                    read.append(number)
    decoded = pl.DataFrame({"conversation": read}).with_columns(
        horizon_s=pl.lit(WHOLE), stratum_dialect=pl.lit("cryptonote")
    )
    return Corpus(
        shaped(pl.concat(frames, how="vertical_relaxed"), tables.LABELLED),
        shaped(pl.concat(packets), tables.PACKET),
        shaped(decoded, tables.AT),
    )


class NumberedFeatures:
    """Which conversation it is (so that a test can tell what was learnt from), and two sizes."""

    name = "numbered"
    feature_names = ("number", "sent_octets_a_packet", "received_octets_a_packet")
    feature_units = ("1", "octets", "octets")
    feature_phrases = ("number", "octets a packet sent", "octets a packet received")
    requires = (
        *("flow_id", "octet_delta_count", "packet_delta_count"),
        *("reverse_octet_delta_count", "reverse_packet_delta_count"),
    )

    def transform(self, conversations: Conversations) -> FeatureMatrix:
        frame = conversations.frame.select(
            pl.col("flow_id").cast(pl.Float32),
            *(
                (pl.col(f"{way}octet_delta_count") / pl.col(f"{way}packet_delta_count"))
                .cast(pl.Float32)
                .alias(f"{way}size")
                for way in ("", "reverse_")
            ),
        )
        return FeatureMatrix(frame.to_numpy(), self.feature_names, self.feature_units)


class Remembering:
    """A forest of three trees that keeps, for all, the numbers of what each fit was given."""

    given: ClassVar[list[set[int]]] = []

    def __init__(self, seed: int) -> None:
        self.forest = RandomForestClassifier(3, max_depth=3, random_state=seed)

    def fit(self, values: Any, labels: Any, sample_weight: Any) -> Remembering:
        self.given.append(set(values[:, 0].astype(int).tolist()))
        same = values.copy()
        same[:, 0] = 0  # the number tells nothing: no tree is split by it
        self.forest.fit(same, labels, sample_weight=sample_weight)
        return self

    def predict_proba(self, values: Any) -> Any:
        return self.forest.predict_proba(values)


def forest_file(fitted: Remembering, n_features: int, card: Any) -> bytes:
    return to_onnx(fitted.forest, n_features, card)


class Sizes(LearntDetector):
    """Runs the models of ``RECIPES``."""

    name = "sizes"
    parts = ("sizes", "sizes-flows")
    feature_sets = (NumberedFeatures(),)


RECIPES = (
    Recipe(
        detector="sizes",
        part="sizes",
        feature_set=NumberedFeatures(),
        features=NumberedFeatures.feature_names,
        inputs=(InputKind.NO_PAYLOAD,),
        horizons_s=(300, WHOLE),
        estimator=Remembering,
        algorithm="three trees",
        min_known=3,
        variants=1,
        exporter=forest_file,
    ),
    Recipe(
        detector="sizes",
        part="sizes-flows",
        feature_set=NumberedFeatures(),
        features=NumberedFeatures.feature_names,
        inputs=(InputKind.FLOWS_60,),
        horizons_s=(WHOLE,),
        estimator=Remembering,
        algorithm="three trees",
        min_known=3,
        exporter=forest_file,
    ),
)


class Read:
    """Learns nothing: certain of what the decoder read, silent otherwise."""

    name = "read"
    requires = ("stratum_dialect",)
    uses = requires

    def score(self, conversations: Conversations) -> Scores:
        is_read = conversations.frame["stratum_dialect"].is_not_null().to_numpy()
        return Scores(self.name, np.where(is_read, 0.99, np.nan))

    def explain(self, conversations: Conversations, row: int) -> list[Any]:
        return []


class Company(Read):
    """Compares: tells how many conversations it was given, as a hundredth each."""

    name = "company"
    requires = ("flow_id",)
    is_collective = True

    def score(self, conversations: Conversations) -> Scores:
        return Scores(self.name, np.full(len(conversations), len(conversations) / 100))
