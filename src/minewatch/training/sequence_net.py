# SPDX-License-Identifier: Apache-2.0
"""Fits the sequence network with PyTorch, which is an extra: nothing else needs it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Final

import numpy as np

from minewatch.errors import ConfigError
from minewatch.models.card import ModelCard
from minewatch.models.model_file import ROWS_AT_ONCE
from minewatch.training import sequence_layers as layers
from minewatch.training.sequence_layers import Weights
from minewatch.training.sequence_varying import varied_channels
from minewatch.types import BoolArray, Float32Array, FloatArray, Int64Array

SHAPES: Final = {
    "conv0": (16, layers.N_CHANNELS, 5),
    "conv1": (16, 16, 5),
    "conv2": (24, 16, 3),
    "dense0": (48, 24),
    "dense1": (24, 1),
}
ROWS_AN_EPOCH: Final = 8192
"""Drawn by their weights, so that an epoch takes as long whatever there is to learn from."""
BATCH: Final = 256
HELD_OUT: Final = 0.15


class SequenceNetwork:
    """The mean of a few small convolutional networks over the first messages.

    Each is fitted to rows varied anew every time they are drawn (``sequence_varying``), until rows
    that it does not learn from are told no better. That takes about 8 s of one core, however many
    rows there are.

    Parameters
    ----------
    seed : of the first weights and of all draws; the same gives the same weights.
    n_members : networks.
    n_epochs : passes over ``ROWS_AN_EPOCH`` rows, at most.
    patience : epochs without gain after which it stops.
    learning_rate : of Adam, at first; it falls to nothing by the last epoch.
    decay : penalty on the weights.
    dropout : share of what the convolutions found that is left out of each step.
    """

    def __init__(
        self,
        seed: int,
        *,
        n_members: int = 2,
        n_epochs: int = 12,
        patience: int = 4,
        learning_rate: float = 3e-3,
        decay: float = 1e-2,
        dropout: float = 0.3,
    ) -> None:
        self.seed = seed
        self.n_members = n_members
        self.n_epochs = n_epochs
        self.patience = patience
        self.learning_rate = learning_rate
        self.decay = decay
        self.dropout = dropout
        self.members: list[Weights] = []
        self.versions: dict[str, str] = {}

    def fit(
        self, values: Float32Array, y: Int64Array, sample_weight: FloatArray | None = None
    ) -> SequenceNetwork:
        """Return itself, fitted.

        Parameters
        ----------
        values : columns of ``features.opening``, shape (n, ``layers.N_FEATURES``).
        y : 1 for mining, shape (n,).
        sample_weight : shape (n,).

        Raises
        ------
        ConfigError : PyTorch is not there.
        """
        weights = np.ones(len(y)) if sample_weight is None else sample_weight
        with _one_thread() as torch:
            self.versions = {"torch": torch.__version__.partition("+")[0]}
            self.members = [
                self._member(torch, values, y, weights, np.random.default_rng([self.seed, i]))
                for i in range(self.n_members)
            ]
        return self

    def predict_proba(self, values: Float32Array) -> FloatArray:
        """Return probabilities of normal and mining, shape (n, 2).

        Parameters
        ----------
        values : shape (n, ``layers.N_FEATURES``), NaN after the last message.
        """
        mining = np.empty(len(values))
        for start in range(0, len(values), ROWS_AT_ONCE):
            rows = slice(start, start + ROWS_AT_ONCE)
            channels = layers.channels_of(values[rows])
            found = [layers.probability_of(weights, channels) for weights in self.members]
            mining[rows] = np.mean(found, axis=0)
        return np.stack([1 - mining, mining], axis=1)

    def _member(
        self,
        torch: Any,
        values: Float32Array,
        y: Int64Array,
        weights: FloatArray,
        rng: np.random.Generator,
    ) -> Weights:
        """Fit one network; the weights that told the rows held out best."""
        parameters = {
            name: torch.tensor(array, requires_grad=True)
            for name, array in first_weights(rng).items()
        }
        optimiser = torch.optim.AdamW(
            parameters.values(), lr=self.learning_rate, weight_decay=self.decay
        )
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, self.n_epochs)
        held_out = held_out_rows(values, rng)
        learnt = np.flatnonzero(~held_out)
        chance = weights[learnt] / weights[learnt].sum()
        fixed = varied_channels(values[held_out], np.random.default_rng(0))
        best, best_loss, best_epoch = _arrays(parameters), np.inf, 0
        for epoch in range(self.n_epochs):
            drawn = rng.choice(learnt, ROWS_AN_EPOCH, p=chance)
            channels = varied_channels(values[drawn], rng)
            for start in range(0, ROWS_AN_EPOCH, BATCH):
                batch = slice(start, start + BATCH)
                kept = rng.random((BATCH, SHAPES["dense0"][0])) >= self.dropout
                scores = _forward(torch, parameters, channels[batch], kept / (1 - self.dropout))
                target = torch.tensor(y[drawn[batch]].astype(np.float32))
                loss = torch.nn.functional.binary_cross_entropy_with_logits(scores, target)
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
            schedule.step()
            now = _arrays(parameters)
            loss_now = _loss(layers.probability_of(now, fixed), y[held_out], weights[held_out])
            if loss_now < best_loss:
                best, best_loss, best_epoch = now, loss_now, epoch
            elif epoch - best_epoch >= self.patience:
                break
        return best


def sequence_net_file(fitted: SequenceNetwork, n_features: int, card: ModelCard) -> bytes:
    """Return the model file of a sequence network.

    Parameters
    ----------
    fitted : a fitted network.
    n_features : columns of its input, ``layers.N_FEATURES``.
    card : goes into the file's metadata, with PyTorch's version.
    """
    card = replace(card, versions={**card.versions, **fitted.versions})
    return layers.sequence_file(fitted.members, n_features, card)


def first_weights(rng: np.random.Generator) -> dict[str, Float32Array]:
    """Return weights before anything is learnt (He et al.: as wide as keeps the variance).

    Parameters
    ----------
    rng : of the draws.
    """
    found: dict[str, Float32Array] = {}
    for name, shape in SHAPES.items():
        is_dense = name.startswith("dense")
        n_in = shape[0] if is_dense else shape[1] * shape[2]
        found[name] = rng.normal(0, np.sqrt(2 / n_in), shape).astype(np.float32)
        found[f"{name}_offset"] = np.zeros(shape[1] if is_dense else shape[0], np.float32)
    return found


def held_out_rows(values: Float32Array, rng: np.random.Generator) -> BoolArray:
    """Return rows to stop by, no conversation split: those that begin alike go together.

    Parameters
    ----------
    values : shape (n, ``layers.N_FEATURES``).
    rng : of the draw.
    """
    beginning = np.hstack([kind[:, :4] for kind in layers.kinds_of(values)])
    _, group = np.unique(np.nan_to_num(beginning, nan=-1), axis=0, return_inverse=True)
    group = group.ravel()
    found: BoolArray = (rng.random(int(group.max()) + 1) < HELD_OUT)[group]
    return found


def _forward(torch: Any, weights: Any, channels: Float32Array, dropout: FloatArray) -> Any:
    """Log-odds of mining as ``layers.probability_of`` has them, with dropout, shape (n,)."""
    layer = torch.tensor(channels)
    known = layer[:, :1]
    for i, dilation in enumerate(layers.DILATIONS):
        kernel = weights[f"conv{i}"]
        beside = dilation * (kernel.shape[2] // 2)
        found = torch.nn.functional.conv1d(
            layer, kernel, weights[f"conv{i}_offset"], padding=beside, dilation=dilation
        )
        layer = torch.relu(found) * known
    mean = layer.sum(dim=2) / known.sum(dim=2).clamp(min=1)
    dense = torch.cat([mean, layer.amax(dim=2)], dim=1) * torch.tensor(dropout.astype(np.float32))
    for i in range(layers.N_DENSE):
        dense = torch.relu(dense) @ weights[f"dense{i}"] + weights[f"dense{i}_offset"]
    return dense[:, 0]


def _arrays(parameters: Any) -> Weights:
    return {name: one.detach().numpy().copy() for name, one in parameters.items()}


def _loss(mining: FloatArray, y: Int64Array, weights: FloatArray) -> float:
    """Mean log loss, both labels weighing the same."""
    right = np.clip(np.where(y == 1, mining, 1 - mining), 1e-7, 1)
    share = weights / np.where(y == 1, weights[y == 1].sum(), weights[y == 0].sum())
    return float(-(share * np.log(right)).sum())


@contextmanager
def _one_thread() -> Iterator[Any]:
    """Import PyTorch, with one thread for as long: sums of several are in no fixed order."""
    try:
        import torch
    except ImportError as error:
        raise ConfigError(
            'the sequence network is fitted with PyTorch: pip install "minewatch[deep]"'
        ) from error
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield torch
    finally:
        torch.set_num_threads(before)
