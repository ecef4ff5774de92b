# SPDX-License-Identifier: Apache-2.0
"""``minewatch dataset``: build, describe, verify and split datasets of labelled conversations."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from minewatch.cli import options as o
from minewatch.cli.errors import FOUND

if TYPE_CHECKING:
    from minewatch.datasets.card import DataCard

EPILOG: Final = """
Examples:

minewatch dataset build lab/ --out monday

minewatch dataset verify monday

minewatch dataset split monday --by host --out monday-by-host
"""

app = typer.Typer(
    name="dataset",
    help="Build, describe, verify and split datasets of labelled conversations.",
    epilog=EPILOG,
    no_args_is_help=True,
)

_Folder = Annotated[
    Path, typer.Argument(metavar="DIR", help="Folder of the dataset.", show_default=False)
]
_Out = Annotated[
    Path, typer.Option("--out", metavar="DIR", help="Folder to make; it appears when whole.")
]


@app.command("build")
def build(
    labels: Annotated[
        list[Path],
        typer.Argument(
            metavar="LABELS",
            help="Labels files, or folders of runs of the lab or the simulator.",
            show_default=False,
        ),
    ],
    *,
    out: _Out,
    name: Annotated[
        str, typer.Option(help="Name of the dataset. \\[default: that of its folder]")
    ] = "",
    packets: Annotated[
        bool, typer.Option("--packets", help="Keep first and latest payload packets too.")
    ] = False,
    no_addresses: Annotated[
        bool, typer.Option("--no-addresses", help="Take addresses out; number hosts and remotes.")
    ] = False,
    licence: Annotated[str, typer.Option(help="Licence of captures whose labels tell none.")] = "",
    home: o.Home = None,
    quiet: o.Quiet = False,
) -> None:
    """Build a dataset of the conversations that labels name."""
    from minewatch.cli.progress import ProgressBar
    from minewatch.datasets.build import BuildOptions, build_dataset
    from minewatch.datasets.inputs import find_captures
    from minewatch.datasets.labelling import InspectionOptions

    progress = ProgressBar([capture.source for capture in find_captures(labels)], quiet)
    metering = o.metering_options(60.0, 120.0, decapsulate=True, keep_packets=True)
    pipeline = o.pipeline_options(metering, home, progress)
    options = BuildOptions(
        name=name,
        inspection=InspectionOptions(pipeline),
        with_packets=packets,
        with_addresses=not no_addresses,
        licence=licence,
        created=datetime.now(UTC).date().isoformat(),
        on_capture=progress.begin,
    )
    with progress:
        card = build_dataset(labels, out, options)
    if not quiet:
        _print_card(card, out)


@app.command("info")
def info(folder: _Folder) -> None:
    """Show what a dataset is: its card as a page."""
    from minewatch.datasets.page import dataset_page
    from minewatch.datasets.stored import open_dataset

    typer.echo(dataset_page(open_dataset(folder).card), nl=False)


@app.command("verify")
def verify(folder: _Folder, *, quiet: o.Quiet = False) -> None:
    """Compare a dataset with its card: files, hashes, columns, counts. Status 1 if one differs."""
    from minewatch.datasets.verify import problems
    from minewatch.output.records import printable

    found = problems(folder)
    for problem in found:
        typer.echo(printable(problem))
    if found:
        raise typer.Exit(FOUND)
    if not quiet:
        typer.echo(f"{folder}: as its card says")


@app.command("split")
def split(
    folder: _Folder,
    *,
    by: Annotated[str, typer.Option(metavar="KEY", help="source, host, pool or time.")],
    out: _Out,
    test: Annotated[
        float, typer.Option(metavar="SHARE", help="Share of the conversations to test on.")
    ] = 0.2,
    group: Annotated[
        list[str] | None,
        typer.Option(help="Group to test on instead; may be given again.", show_default=False),
    ] = None,
    folds: Annotated[
        int, typer.Option(metavar="N", help="Parts of equal size instead of train and test.")
    ] = 0,
    seed: Annotated[int, typer.Option(help="Of the draw.", min=0)] = 0,
) -> None:
    """Part a dataset into datasets that share no source, host, pool or time."""
    from minewatch.datasets.parting import SplitOptions, split_dataset

    options = SplitOptions(by, test, tuple(group or ()), folds, seed)
    cards = split_dataset(folder, out, options)
    for name, card in cards.items():
        _print_card(card, out / name)
    left_out = next(iter(cards.values())).split["left_out"]
    typer.echo(f"{left_out:,} conversations would lie on both sides and are left out")


def _print_card(card: DataCard, folder: Path) -> None:
    counts = card.composition["label"]
    mining, normal = counts.get("mining", 0), counts.get("normal", 0)
    groups = card.composition["groups"]
    typer.echo(
        f"{folder}: {mining:,} mining and {normal:,} normal conversations, "
        f"{groups['hosts']:,} hosts, {groups['pools']:,} pools"
    )
