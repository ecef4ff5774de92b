# SPDX-License-Identifier: Apache-2.0
"""Model files: one ONNX file that holds the weights and, in its metadata, the model's card.

Nothing in such a file can run code. It is read once, checked octet by octet
(``onnx_check``), and given to ONNX Runtime as octets, never as a path.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Final

import numpy as np

from minewatch.errors import ModelError
from minewatch.models.card import ModelCard, card_from_json
from minewatch.models.onnx_check import OnnxError, check_onnx
from minewatch.odds import from_log_odds, log_odds, logit
from minewatch.schema import SCHEMA_VERSION
from minewatch.types import Float32Array, FloatArray

CARD_KEY: Final = "minewatch"
"""Key of the card among the file's ``metadata_props``."""
INPUT: Final = "features"
OUTPUT: Final = "probabilities"
MAX_OCTETS: Final = 20_000_000
ROWS_AT_ONCE: Final = 4096
"""Nearest neighbours hold a distance to every training row at once: bounded by this."""
CERTAIN: Final = 1e-6
"""Probabilities are kept this far from 0 and 1: float32 knows no finer near 1."""
TRAIN_AGAIN: Final = "make it again with `minewatch train`"


@dataclass(frozen=True, slots=True)
class Model:
    """A loaded model: the card and the session that runs it."""

    path: str
    card: ModelCard
    session: Any

    def log_odds(self, values: Float32Array) -> FloatArray:
        """Return the log-odds of mining at the card's base rate, shape (n_rows,).

        Parameters
        ----------
        values : the card's features, in its order, shape (n_rows, n_features).

        Raises
        ------
        ModelError : the model gives what is no probability of each row.
        """
        base_rate = scored_base_rate(self.card.base_rate, self.card.pass_share)
        slope, offset = self.card.calibration
        shift = offset + logit(base_rate) - logit(self.card.prevalence)
        result = np.empty(len(values))
        for start in range(0, len(values), ROWS_AT_ONCE):
            rows = np.ascontiguousarray(values[start : start + ROWS_AT_ONCE], np.float32)
            (both,) = self.session.run([OUTPUT], {INPUT: rows})
            if both.shape != (len(rows), 2) or not np.isfinite(both).all():
                raise ModelError(
                    f"{self.path}: gives {both.shape} for {len(rows)} rows, or no number: "
                    f"{TRAIN_AGAIN}"
                )
            mining = log_odds(both[:, 1].astype(np.float64), CERTAIN)
            result[start : start + len(rows)] = slope * mining + shift
        return result

    def probability(self, values: Float32Array) -> FloatArray:
        """Return the probability of mining at the card's base rate, shape (n_rows,).

        Parameters
        ----------
        values : as for ``log_odds``.
        """
        return from_log_odds(self.log_odds(values))


def scored_base_rate(base_rate: float, pass_share: float) -> float:
    """Return the share of mining among scored conversations, from that among all.

    Parameters
    ----------
    base_rate : share of mining among all conversations.
    pass_share : share of normal conversations that the gate lets through; mining passes.

    Examples
    --------
    >>> scored_base_rate(0.002, 1.0), round(scored_base_rate(0.002, 0.1), 4)
    (0.002, 0.0196)
    """
    return base_rate / (base_rate + (1 - base_rate) * pass_share)


def read_card(path: str | os.PathLike[str]) -> ModelCard:
    """Return the card of a model file, without loading the model.

    Parameters
    ----------
    path : the file.

    Raises
    ------
    ModelError : it cannot be read, is not a model, or may not be loaded.
    """
    return _read(path)[1]


def load_model(
    path: str | os.PathLike[str],
    *,
    metering: Mapping[str, float] | None = None,
    threads: int = 1,
) -> Model:
    """Return the model in a file that need not be trusted.

    Parameters
    ----------
    path : the file.
    metering : the settings in use, by the names in the card (``interval_s``); None: do not
        compare.
    threads : threads for one batch of rows.

    Raises
    ------
    ModelError : it cannot be read, is damaged, may not be loaded, or was made for another schema
        or other metering.

    Examples
    --------
    >>> load_model("gone.onnx")
    Traceback (most recent call last):
    minewatch.errors.ModelError: gone.onnx: cannot be read (No such file or directory): name ...
    """
    data, card = _read(path)
    if card.schema_version != SCHEMA_VERSION:
        raise ModelError(
            f"{path}: made for schema version {card.schema_version}, this is version "
            f"{SCHEMA_VERSION}: {TRAIN_AGAIN}"
        )
    _same_metering(path, card.metering, metering or {})
    session = _session(path, data, threads)
    _check_shape(path, session, len(card.features))
    return Model(os.fspath(path), card, session)


def shipped_model(name: str = "flowstats") -> Path:
    """Return the path of a model that ships with minewatch.

    Parameters
    ----------
    name : the model's name.

    Raises
    ------
    ModelError : none of that name ships.

    Examples
    --------
    >>> shipped_model("other")
    Traceback (most recent call last):
    minewatch.errors.ModelError: no model named other ships with minewatch: ...
    """
    folder = Path(str(resources.files("minewatch.models")))
    path = folder / f"{name}.onnx"
    if not path.is_file():
        names = ", ".join(sorted(found.stem for found in folder.glob("*.onnx"))) or "none"
        raise ModelError(
            f"no model named {name} ships with minewatch: name a file, or one of {names}"
        )
    return path


def _read(path: str | os.PathLike[str]) -> tuple[bytes, ModelCard]:
    try:
        with open(path, "rb") as file:
            data = file.read(MAX_OCTETS + 1)
    except OSError as error:
        raise ModelError(
            f"{path}: cannot be read ({error.strerror}): name another model file"
        ) from error
    if len(data) > MAX_OCTETS:
        raise ModelError(
            f"{path}: larger than {MAX_OCTETS} octets: no model of ours is; look again"
        )
    try:
        text = check_onnx(data).metadata.get(CARD_KEY)
        if text is None:
            raise ModelError(f"{path}: an ONNX file without a minewatch card: {TRAIN_AGAIN}")
        return data, card_from_json(text)
    except OnnxError as error:
        raise ModelError(f"{path}: {error}: do not use this file") from error
    except ValueError as error:
        raise ModelError(f"{path}: its card is wrong ({error}): {TRAIN_AGAIN}") from error


def _same_metering(
    path: str | os.PathLike[str], of_model: Mapping[str, float], in_use: Mapping[str, float]
) -> None:
    for name, value in of_model.items():
        if in_use.get(name, value) != value:
            raise ModelError(
                f"{path}: made with {name} {value:g}, {in_use[name]:g} is in use: meter with "
                f"{value:g} or {TRAIN_AGAIN}"
            )


def runtime() -> Any:
    """Return ONNX Runtime, told to send no usage data: minewatch opens no connection of its own.

    From 1.32 on it would, from the moment of its import; whoever imports it before decides.
    """
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    import onnxruntime

    return onnxruntime


def _session(path: str | os.PathLike[str], data: bytes, threads: int) -> Any:
    onnxruntime = runtime()
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors only
    options.add_session_config_entry("session.load_model_format", "ONNX")
    failures = (
        *(state.Fail, state.InvalidArgument, state.InvalidGraph, state.InvalidProtobuf),
        *(state.NotImplemented, state.RuntimeException, state.NoModel, state.EPFail),
    )
    try:
        return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except failures as error:
        reason = " ".join(str(error).split())[:200]
        raise ModelError(f"{path}: ONNX Runtime refuses it ({reason}): {TRAIN_AGAIN}") from error


def _check_shape(path: str | os.PathLike[str], session: Any, n_features: int) -> None:
    inputs, outputs = session.get_inputs(), session.get_outputs()
    fits = [(i.name, i.type, i.shape[1:]) for i in inputs] == [
        (INPUT, "tensor(float)", [n_features])
    ] and any((o.name, o.type, o.shape[1:]) == (OUTPUT, "tensor(float)", [2]) for o in outputs)
    if not fits:
        raise ModelError(
            f"{path}: takes or gives other tensors than `{INPUT}` (rows x {n_features}) and "
            f"`{OUTPUT}` (rows x 2): {TRAIN_AGAIN}"
        )
