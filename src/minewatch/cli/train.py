# SPDX-License-Identifier: Apache-2.0
"""``minewatch train``: labelled captures in, a model file out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

if TYPE_CHECKING:
    from minewatch.models.card import ModelCard

EPILOG: Final = """
Examples:

minewatch train labels.tsv -o office.onnx

minewatch scan incident.pcap --model office.onnx

LABELS is a table with the columns capture, source, label, and address, port, protocol where a
capture holds both kinds. Needs: pip install 'minewatch[train]'.
"""


def train(
    labels: Annotated[
        str,
        typer.Argument(
            metavar="LABELS",
            help="Tab-separated table of captures and what is mining in them.",
            show_default=False,
        ),
    ],
    *,
    output: Annotated[
        str, typer.Option("-o", "--output", metavar="MODEL", help="Model file to write.")
    ],
    algorithm: Annotated[
        str,
        typer.Option(
            help="power support vector machine, support vector machine, decision tree, "
            "random forest or nearest neighbours."
        ),
    ] = "power support vector machine",
    feature_set: Annotated[str, typer.Option(help="volume, or paper.")] = "volume",
    base_rate: Annotated[
        float,
        typer.Option(
            metavar="P", help="Share of mining among conversations where the model will be used."
        ),
    ] = 0.002,
    seed: Annotated[int, typer.Option(help="Of everything random.")] = 0,
    no_metrics: Annotated[
        bool,
        typer.Option("--no-metrics", help="Do not measure by leaving each source out in turn."),
    ] = False,
) -> None:
    """Train the model of the detector flowstats from labelled captures."""
    from minewatch.training.train import TrainingOptions, fit

    options = TrainingOptions(
        algorithm=algorithm,
        feature_set=feature_set,
        base_rate=base_rate,
        seed=seed,
        with_metrics=not no_metrics,
    )
    print_card(fit(labels, output, options), output)


def print_card(card: ModelCard, path: str) -> None:
    """Print what a new model learnt from and achieved.

    Parameters
    ----------
    card : the model's card.
    path : its file.
    """
    from minewatch.output.terminal import console, safe

    rows: dict[str, Any] = dict(card.training.get("rows", {}))
    sources = card.training.get("sources", {})
    out = console()
    out.print(safe(f"{path}: {card.algorithm}, {len(card.features)} features"), soft_wrap=True)
    learnt = f"{rows.get('mining', 0):,} mining and {rows.get('normal', 0):,} normal conversations"
    out.print(safe(f"  learnt from {learnt} of {len(sources)} sources"), soft_wrap=True)
    for name, value in card.metrics.items():
        if isinstance(value, int | float):
            text = f"  {name.replace('_', ' ')}: {value:.4g}"
            out.print(safe(f"{text} (each source left out in turn)"), soft_wrap=True)
