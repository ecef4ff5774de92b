# SPDX-License-Identifier: Apache-2.0
"""The model that ships, asked about sources that it was not trained on."""

from __future__ import annotations

from typing import Any

import numpy as np

from minewatch.identify.card import QUESTIONS
from minewatch.identify.model import CoinModel, shipped_coin_model
from minewatch.identify.names import UNKNOWN
from minewatch.training.coin_examples import CoinExamples
from minewatch.training.coins import is_known
from minewatch.types import BoolArray


def model_figures(
    examples: CoinExamples, horizon_s: int, model: CoinModel | None = None
) -> list[dict[str, Any]]:
    """Return how a model answers by source, input and question; ready for JSON.

    Parameters
    ----------
    examples : any; rows of sources that the model's card names are left out.
    horizon_s : when the conversations are looked at.
    model : None for the one that ships.
    """
    model = model or shipped_coin_model()
    seen = set(model.card.training.get("conversations", {}))
    sources = examples.rows["source"].to_numpy()
    wanted: BoolArray = (examples.rows["horizon_s"] == horizon_s).to_numpy()
    wanted = wanted & ~np.isin(sources, list(seen))
    asked = examples.take(wanted)
    columns = [asked.names.index(name) for name in model.card.features]
    shares = model.shares(asked.values[:, columns])
    found = []
    for question in QUESTIONS:
        truth = np.array([kind.answer(question) for kind in asked.kinds], object)
        given = model.answers(shares, question, asked.has_packets)
        known = is_known(asked, question)
        places = asked.rows.select("source", "input").unique(maintain_order=True)
        for source, kind in places.iter_rows():
            rows = known & (asked.rows["source"] == source).to_numpy()
            rows &= (asked.rows["input"] == kind).to_numpy()
            answered = rows & (given != UNKNOWN)
            if rows.any():
                found.append(
                    {
                        "question": question,
                        "source": source,
                        "input": kind,
                        "conversations": int(rows.sum()),
                        "answered": float(answered.sum() / rows.sum()),
                        "right_of_answered": (
                            float((given == truth)[answered].mean()) if answered.any() else None
                        ),
                    }
                )
    return found
