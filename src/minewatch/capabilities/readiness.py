# SPDX-License-Identifier: Apache-2.0
"""Which detectors speak of an input: asked, with miners as that input shows them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import polars as pl

from minewatch.capabilities.example import MOMENTS_S, POOL, example
from minewatch.capabilities.inputs import CONNECTION, InputEntry
from minewatch.contracts import Detector
from minewatch.exporting.settings import ExportSettings
from minewatch.training.corpus import tables
from minewatch.training.corpus.log_views import LogSetting, log_view
from minewatch.training.corpus.stored import Corpus
from minewatch.training.corpus.views import InputKind, view
from minewatch.types import Conversations

NAME: Final = "destination_name"


def ready_after(
    entry: InputEntry, detectors: Sequence[Detector], corpus: Corpus | None = None
) -> dict[str, int | None]:
    """Return after how many seconds each detector speaks of a miner; None for never.

    ``WHOLE`` is when the miner has ended (after two and a half hours in the example).

    Parameters
    ----------
    entry : the input.
    detectors : to ask.
    corpus : the miners; None for ``example``.
    """
    miners = example() if corpus is None else corpus
    found: dict[str, int | None] = {one.name: None for one in detectors}
    for moment_s in MOMENTS_S:
        # What is told of whole connections only is not there before they end.
        if entry.tells.unit == CONNECTION and moment_s != tables.WHOLE:
            continue
        given = shown(miners, entry, moment_s)
        for detector in detectors:
            if found[detector.name] is None and _speaks(detector, given):
                found[detector.name] = moment_s
    return found


def shown(miners: Corpus, entry: InputEntry, moment_s: int) -> Conversations:
    """Return conversations as an input shows them at a moment.

    Parameters
    ----------
    miners : the conversations.
    entry : the input.
    moment_s : seconds after their beginning.
    """
    if isinstance(entry.shown, ExportSettings):
        setting = LogSetting(entry.name, entry.title, entry.shown, InputKind.FLOWS_60)
        given = log_view(miners, setting, moment_s).conversations
    else:
        given = view(miners, entry.shown, moment_s).conversations
    if not entry.tells.names_servers:
        return given
    frame = given.frame.with_columns(pl.lit(POOL).alias(NAME))
    return Conversations(frame, given.intervals, given.packets, given.payloads)


def _speaks(detector: Detector, given: Conversations) -> bool:
    if not len(given) or any(name not in given.frame.columns for name in detector.requires):
        return False
    return bool(np.isfinite(detector.score(given).probability).any())
