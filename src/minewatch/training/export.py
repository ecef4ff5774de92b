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
from minewatch.training.tree_export import converters
from minewatch.types import Float32Array

OPSETS: Final = {"": 18, "ai.onnx.ml": 3}
"""What ONNX Runtime 1.20 and later run; fixed, so that the file does not change with skl2onnx."""
PARITY: Final = 1e-5
"""Most that a probability may differ between scikit-learn and ONNX Runtime."""
LIBRARIES: Final = ("numpy", "scikit-learn", "skl2onnx", "onnx", "onnxruntime")


def to_onnx(model: Any, n_features: int, card: ModelCard) -> bytes:
    """Return the model file of a classifier of two classes, calibrated or not.

    Trees (decision tree, forests, gradient boosting) take NaN as they do in scikit-learn; a
    pipeline may begin with a ``SimpleImputer``.

    Parameters
    ----------
    model : a fitted classifier, pipeline, or ``CalibratedClassifierCV`` with one of these in it.
    n_features : columns of its input.
    card : goes into the file's metadata.

    Raises
    ------
    ModelError : it cannot be written so that it gives the same probabilities.
    """
    from skl2onnx import convert_sklearn
    from skl2onnx.common.data_types import FloatTensorType

    options: dict[int, dict[str, bool]] = {id(model): {"zipmap": False}}
    inner = model
    if hasattr(model, "calibrated_classifiers_"):
        inner = model.calibrated_classifiers_[0].estimator
        last = _steps(inner)[-1]
        if hasattr(last, "decision_function"):
            # The calibration was fitted to the decision function; skl2onnx would feed it labels.
            options[id(last)] = {"raw_scores": True}
    for step in _steps(inner):
        _check_imputer(step)
    with warnings.catch_warnings():
        # skl2onnx 1.20 asks every SVC for attributes that scikit-learn 1.9 has deprecated.
        warnings.filterwarnings("ignore", "Attribute `prob[AB]_` was deprecated", FutureWarning)
        proto = convert_sklearn(
            model,
            name=card.name,
            initial_types=[(INPUT, FloatTensorType([None, n_features]))],
            options=options,
            custom_conversion_functions=converters(),
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


def _steps(estimator: Any) -> list[Any]:
    """The steps of a pipeline, or the classifier alone."""
    return [step for _, step in getattr(estimator, "steps", [("", estimator)])]


def _check_imputer(step: Any) -> None:
    """Refuse what skl2onnx would write wrongly without a word: columns added and columns dropped.

    Raises
    ------
    ModelError : the step is an imputer that changes the number of columns.
    """
    if getattr(step, "add_indicator", False):
        raise ModelError("an imputer with add_indicator cannot be a model file")
    filled = getattr(step, "statistics_", None)
    if filled is not None and not np.isfinite(filled.astype(np.float64)).all():
        raise ModelError("an imputer that drops columns never known: set keep_empty_features")


def largest_difference(model: Any, data: bytes, values: Float32Array) -> float:
    """Return how far ONNX Runtime's probabilities are from scikit-learn's, at most.

    Infinite if either gives NaN.

    Parameters
    ----------
    model : the fitted classifier.
    data : its model file.
    values : features, shape (n, n_features).
    """
    session = runtime().InferenceSession(data, providers=["CPUExecutionProvider"])
    (found,) = session.run([OUTPUT], {INPUT: values})
    apart = np.abs(found[:, 1] - model.predict_proba(values)[:, 1])
    return float(np.nan_to_num(apart, nan=np.inf).max())


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
