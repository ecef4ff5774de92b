# SPDX-License-Identifier: Apache-2.0
"""The model that tells by shape what is mined: one ONNX file with its card, read with suspicion."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from minewatch.errors import ModelError
from minewatch.features.rhythm import RhythmFeatures
from minewatch.identify.card import CoinCard, card_from_json, threshold_name
from minewatch.identify.names import UNKNOWN
from minewatch.models.model_file import INPUT, OUTPUT, runtime
from minewatch.models.onnx_check import OnnxError, check_onnx
from minewatch.schema import SCHEMA_VERSION
from minewatch.types import BoolArray, Conversations, Float32Array

CARD_KEY: Final = "minewatch-coins"
"""Key of the card among the file's ``metadata_props``."""
MAX_OCTETS: Final = 10_000_000
ROWS_AT_ONCE: Final = 4096
TRAIN_AGAIN: Final = "make it again with minewatch.training.coins.fit_coins"
FEATURES: Final = RhythmFeatures()


@dataclass(frozen=True, slots=True)
class CoinModel:
    """A loaded model."""

    card: CoinCard
    session: Any

    def shares(self, values: Float32Array) -> Float32Array:
        """Return the probability of each of the card's kinds, shape (n_rows, n_kinds).

        Parameters
        ----------
        values : the card's features, in its order, shape (n_rows, n_features); NaN is unknown.
        """
        found = np.empty((len(values), len(self.card.kinds)), np.float32)
        for start in range(0, len(values), ROWS_AT_ONCE):
            rows = np.ascontiguousarray(values[start : start + ROWS_AT_ONCE], np.float32)
            (found[start : start + len(rows)],) = self.session.run([OUTPUT], {INPUT: rows})
        return found

    def values(self, conversations: Conversations) -> Float32Array:
        """Return the model's features of conversations, shape (n, n_features)."""
        matrix = FEATURES.transform(conversations)
        columns = [matrix.names.index(name) for name in self.card.features]
        values: Float32Array = matrix.values[:, columns]
        return values

    def answers(
        self,
        shares: Float32Array,
        question: str,
        has_packets: BoolArray,
        allowed: BoolArray | None = None,
    ) -> npt.NDArray[np.object_]:
        """Return the answer of each row, "unknown" where it is not sure enough.

        Parameters
        ----------
        shares : of ``shares``, shape (n_rows, n_kinds).
        question : one of ``QUESTIONS``.
        has_packets : whether sizes and times of packets are known, shape (n_rows,).
        allowed : kinds that what is already known allows, shape (n_rows, n_kinds); None for all.
        """
        if allowed is not None:
            kept: Float32Array = np.where(allowed, shares, np.float32(0))
            total = kept.sum(axis=1, keepdims=True)
            shares = np.divide(kept, total, out=kept, where=total > 0)
        names = np.array([kind.answer(question) for kind in self.card.kinds], object)
        choices = np.unique(names)
        each = np.stack([shares[:, names == choice].sum(axis=1) for choice in choices], axis=1)
        answer: npt.NDArray[np.object_] = choices[each.argmax(axis=1)]
        surest = each.max(axis=1, initial=0)
        least = [self.card.thresholds[threshold_name(question, has)] for has in (False, True)]
        answer[(surest < np.array(least)[has_packets.astype(np.int64)]) | (surest == 0)] = UNKNOWN
        return answer


def load_coin_model(path: str | os.PathLike[str]) -> CoinModel:
    """Return the model in a file that need not be trusted.

    Raises
    ------
    ModelError : it cannot be read, is damaged, may not be loaded, or was made for other features.

    Examples
    --------
    >>> load_coin_model("gone.onnx")
    Traceback (most recent call last):
    minewatch.errors.ModelError: gone.onnx: cannot be read (No such file or directory): ...
    """
    try:
        with open(path, "rb") as file:
            data = file.read(MAX_OCTETS + 1)
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror}): {TRAIN_AGAIN}") from error
    if len(data) > MAX_OCTETS:
        raise ModelError(
            f"{path}: larger than {MAX_OCTETS} octets: no model of ours is; look again"
        )
    return parse_coin_model(data, os.fspath(path))


def parse_coin_model(data: bytes, name: str) -> CoinModel:
    """Return the model in the octets of a file.

    Parameters
    ----------
    data : the whole file.
    name : of the file, for errors.

    Raises
    ------
    ModelError : as ``load_coin_model``.
    """
    try:
        text = check_onnx(data).metadata.get(CARD_KEY)
        if text is None:
            raise ModelError(f"{name}: an ONNX file without a card of coins: {TRAIN_AGAIN}")
        card = card_from_json(text)
    except OnnxError as error:
        raise ModelError(f"{name}: {error}: do not use this file") from error
    except ValueError as error:
        raise ModelError(f"{name}: its card is wrong ({error}): {TRAIN_AGAIN}") from error
    if card.schema_version != SCHEMA_VERSION:
        raise ModelError(f"{name}: made for schema version {card.schema_version}: {TRAIN_AGAIN}")
    strange = [one for one in card.features if one not in FEATURES.feature_names]
    if strange:
        raise ModelError(f"{name}: feature {strange[0]!r} is unknown: {TRAIN_AGAIN}")
    session = _session(data, name)
    inputs, outputs = session.get_inputs(), session.get_outputs()
    fits = [(one.name, one.shape[1:]) for one in inputs] == [(INPUT, [len(card.features)])]
    if not fits or [o.shape[1:] for o in outputs if o.name == OUTPUT] != [[len(card.kinds)]]:
        raise ModelError(f"{name}: its tensors do not fit its card: {TRAIN_AGAIN}")
    return CoinModel(card, session)


def _session(data: bytes, name: str) -> Any:
    onnxruntime = runtime()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors only
    try:
        return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime has a class of its own for each
        reason = " ".join(str(error).split())[:200]
        raise ModelError(f"{name}: ONNX Runtime refuses it ({reason}): {TRAIN_AGAIN}") from error


@cache
def shipped_coin_model() -> CoinModel:
    """Return the model that ships with minewatch, loaded once."""
    return load_coin_model(Path(str(resources.files("minewatch.identify"))) / "coins.onnx")
