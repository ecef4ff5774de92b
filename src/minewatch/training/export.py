# SPDX-License-Identifier: Apache-2.0
"""From a fitted scikit-learn classifier to a model file's octets, and proof that they agree."""

from __future__ import annotations

import warnings
from importlib.metadata import version
from typing import Any, Final

import numpy as np

from minewatch.errors import ModelError
from minewatch.models.card import FeatureCard, ModelCard
from minewatch.models.model_file import CARD_KEY, INPUT, OUTPUT, runtime
from minewatch.training.examples import Examples
from minewatch.types import Float32Array

OPSETS: Final = {"": 18, "ai.onnx.ml": 3}
"""What ONNX Runtime 1.20 and later run; fixed, so that the file does not change with skl2onnx."""
PARITY: Final = 1e-5
"""Most that a probability may differ between scikit-learn and ONNX Runtime."""
LIBRARIES: Final = ("numpy", "scikit-learn", "skl2onnx", "onnx", "onnxruntime")


def to_onnx(model: Any, n_features: int, card: ModelCard) -> bytes:
    """Return the model file of a calibrated classifier.

    Parameters
    ----------
    model : a fitted ``CalibratedClassifierCV`` with one classifier in it.
    n_features : columns of its input.
    card : goes into the file's metadata.
    """
    from skl2onnx import convert_sklearn
    from skl2onnx.common.data_types import FloatTensorType

    options: dict[int, dict[str, bool]] = {id(model): {"zipmap": False}}
    last = _last_step(model.calibrated_classifiers_[0].estimator)
    if hasattr(last, "decision_function"):
        # The calibration was fitted to the decision function; skl2onnx would feed it labels.
        options[id(last)] = {"raw_scores": True}
    with warnings.catch_warnings():
        # skl2onnx 1.20 asks every SVC for attributes that scikit-learn 1.9 has deprecated.
        warnings.filterwarnings("ignore", "Attribute `prob[AB]_` was deprecated", FutureWarning)
        proto = convert_sklearn(
            model,
            name=card.name,
            initial_types=[(INPUT, FloatTensorType([None, n_features]))],
            options=options,
            target_opset=OPSETS,
        )
    if [output.name for output in proto.graph.output] != ["label", OUTPUT]:
        raise ModelError(f"skl2onnx names the outputs {[o.name for o in proto.graph.output]}")
    # Their order follows Python's random hashes; the file is to be the same every time.
    opsets = sorted(proto.opset_import, key=lambda opset: opset.domain)
    del proto.opset_import[:]
    proto.opset_import.extend(opsets)
    entry = proto.metadata_props.add()
    entry.key, entry.value = CARD_KEY, card.to_json()
    data: bytes = proto.SerializeToString(deterministic=True)
    return data


def _last_step(estimator: Any) -> Any:
    return estimator.steps[-1][1] if hasattr(estimator, "steps") else estimator


def largest_difference(model: Any, data: bytes, values: Float32Array) -> float:
    """Return how far ONNX Runtime's probabilities are from scikit-learn's, at most.

    Parameters
    ----------
    model : the fitted classifier.
    data : its model file.
    values : features, shape (n, n_features).
    """
    session = runtime().InferenceSession(data, providers=["CPUExecutionProvider"])
    (found,) = session.run([OUTPUT], {INPUT: values})
    return float(np.abs(found[:, 1] - model.predict_proba(values)[:, 1]).max())


def feature_cards(examples: Examples) -> tuple[FeatureCard, ...]:
    """Return what each feature looks like in normal traffic.

    Parameters
    ----------
    examples : the training rows.
    """
    normal = examples.values[~examples.is_mining].astype(np.float64)
    low, median, high = np.quantile(normal, (0.05, 0.5, 0.95), axis=0)
    return tuple(
        FeatureCard(name, unit, float(median[i]), float(low[i]), float(high[i]))
        for i, (name, unit) in enumerate(zip(examples.names, examples.units, strict=True))
    )


def library_versions() -> dict[str, str]:
    """Return the versions of the libraries that make a model file.

    Examples
    --------
    >>> sorted(library_versions())
    ['numpy', 'onnx', 'onnxruntime', 'scikit-learn', 'skl2onnx']
    """
    return {name: version(name) for name in LIBRARIES}
