# SPDX-License-Identifier: Apache-2.0
"""A run's captures and labels as the paper's samples: one row a pair of flows, labelled."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl

from minewatch.address import PRIVATE_NETWORKS, Network, address_text, parse_networks
from minewatch.errors import ConfigError
from minewatch.experiments.paper.flows import COLUMN, Counts, pair_flows, read_flows
from minewatch.lab.plan import read_plan
from minewatch.lab.simulator.world import HOME
from minewatch.readers.source import Input
from minewatch.training.labels import LabelledCapture, read_labels
from minewatch.types import BoolArray, FloatArray

IntArray: TypeAlias = npt.NDArray[np.int64]
Progress: TypeAlias = Callable[[str], None]

LABELS_FILE: Final = "labels.tsv"
PLAN_FILE: Final = "plan.json"
SIMULATION_FILE: Final = "simulation.json"
ABOUT: Final = ("coin", "algorithm", "dialect", "transport", "pool", "service", "host")


@dataclass(frozen=True, slots=True)
class Samples:
    """Labelled pairs of flows, and what became of the packets that are in none."""

    table: pl.DataFrame
    """The pairs of ``flows.pair_flows`` with ``capture``, ``label``, the columns of ``ABOUT``
    (empty where not told), ``server`` and ``far_end`` (addresses of the two sides) and
    ``other_host`` (null unless the far end is a server too)."""
    counts: Counts
    conversations: dict[str, int]
    """All conversations of a server by label, ``mining``, ``normal`` and ``skip``, in the capture
    and before anything was dropped."""
    n_thinned: int = 0
    """Normal pairs left out by ``thinned``."""

    def __len__(self) -> int:
        """Return the number of pairs."""
        return self.table.height

    @property
    def is_mining(self) -> BoolArray:
        """Return the label of each row, shape (n,)."""
        return (self.table["label"] == "mining").to_numpy()

    @property
    def hosts(self) -> IntArray:
        """Return each row's server as a number, in the order of their names, shape (n,)."""
        return codes(self.table["host"].to_list())

    def values(self, statistic: str) -> FloatArray:
        """Return the two features of a plot: outbound and inbound, shape (n, 2).

        Parameters
        ----------
        statistic : one of ``flows.STATISTICS``.
        """
        name = COLUMN[statistic]
        return self.table.select(f"out_{name}", f"in_{name}").to_numpy().astype(np.float64)

    def mining(self) -> Samples:
        """Return the mining rows alone."""
        return replace(self, table=self.table.filter(pl.col("label") == "mining"))

    def thinned(self, n_normal: int, seed: int) -> Samples:
        """Return all mining rows and so many normal ones, drawn at random; all if there are fewer.

        Parameters
        ----------
        n_normal : normal rows to keep.
        seed : of the draw.
        """
        normal = np.flatnonzero(~self.is_mining)
        n_kept = min(n_normal, len(normal))
        kept = np.random.default_rng(seed).choice(normal, n_kept, replace=False)
        keep = self.is_mining.copy()
        keep[kept] = True
        n_thinned = self.n_thinned + len(normal) - n_kept
        return replace(self, table=self.table.filter(keep), n_thinned=n_thinned)


def codes(names: Sequence[str]) -> IntArray:
    """Return the rank of each name among all, shape (n,).

    Examples
    --------
    >>> codes(["b", "a", "b"]).tolist()
    [1, 0, 1]
    """
    return np.unique(np.array(names, dtype=str), return_inverse=True)[1].astype(np.int64)


def read_samples(
    folder: Path,
    servers: Sequence[str] = (),
    size: str = "frame",
    progress: Progress = lambda _: None,
) -> Samples:
    """Return the samples of a run's folder: captures, ``labels.tsv`` and perhaps ``plan.json``.

    Parameters
    ----------
    folder : of a lab or simulator run; or any with a labels file.
    servers : networks of the servers; if none are given, the servers of the lab's plan, those of
        the simulator where it made the run, else the private ranges.
    size : what a packet's size is, one of ``flows.SIZES``.
    progress : told what is read.

    Raises
    ------
    ConfigError : no labels, a bad plan or network, or nothing of one of the two labels.
    SourceError : a capture cannot be read.
    """
    if not (folder / LABELS_FILE).is_file():
        raise ConfigError(
            f"{folder}: no {LABELS_FILE} in it; name the folder of a lab or simulate run"
        )
    networks = _servers(folder, servers)
    tables, counts = [], Counts()
    conversations = dict.fromkeys(("mining", "normal", "skip"), 0)
    for capture in read_labels(folder / LABELS_FILE):
        progress(capture.name)
        table, own, labels = _read_capture(capture, networks, size)
        tables.append(table)
        counts.add(own)
        for label, count in labels.value_counts().iter_rows():
            conversations[label] += count
    samples = Samples(_with_hosts(pl.concat(tables)), counts, conversations)
    _check(samples, folder)
    return samples


def _servers(folder: Path, servers: Sequence[str]) -> tuple[Network, ...]:
    if servers:
        return parse_networks(servers)
    if (folder / PLAN_FILE).is_file():
        plan = read_plan(folder / PLAN_FILE)
        found = [host.address for host in plan.hosts if host.role == "server"]
        if found:
            return parse_networks(found)
    if (folder / SIMULATION_FILE).is_file():
        return (HOME,)
    return parse_networks(PRIVATE_NETWORKS)


def _read_capture(
    capture: LabelledCapture, servers: Sequence[Network], size: str
) -> tuple[pl.DataFrame, Counts, pl.Series]:
    path = str(capture.path)
    flows, counts = read_flows(Input(path, path, None), size)
    pairs, everything = pair_flows(flows, servers, counts)
    labels = capture.attributes(everything)["label"].fill_null("skip")
    told = capture.attributes(pairs)
    near, far = (
        address_text(pairs[f"{side}_address_high"], pairs[f"{side}_address_low"])
        for side in ("source", "destination")
    )
    about = [told[name].fill_null("") for name in ABOUT]
    table = pairs.with_columns(
        pl.lit(capture.name).alias("capture"),
        told["label"].fill_null("skip"),
        *about,
        far.alias("far_end"),
    )
    table = table.with_columns(server=near)
    table = table.with_columns(
        pool=pl.when(pl.col("pool") == "")
        .then(pl.concat_str("far_end", "destination_transport_port", separator=":"))
        .otherwise("pool")
    )
    return table.filter(pl.col("label") != "skip"), counts, labels


def _with_hosts(table: pl.DataFrame) -> pl.DataFrame:
    """Name each row's server, by its address where no label does, and the other end if it is one.

    A name that the labels give one row of a server holds for all rows of it.
    """
    told = table.filter(pl.col("host") != "").select("server", "host").unique()
    names = dict(told.sort("server", "host", descending=True).iter_rows())
    own, far = (
        pl.col(end).replace_strict(names, default=pl.col(end), return_dtype=pl.String)
        for end in ("server", "far_end")
    )
    return table.with_columns(
        host=pl.when(pl.col("host") == "").then(own).otherwise("host"),
        other_host=pl.when("is_between_servers").then(far),
    )


def _check(samples: Samples, folder: Path) -> None:
    n_mining = int(samples.is_mining.sum())
    for name, count in (("mining", n_mining), ("normal", len(samples) - n_mining)):
        if count < 20:
            raise ConfigError(
                f"{folder}: {count} {name} conversations have flows of two packets or more each "
                "way; ten-fold cross-validation and a test need 20 of each: capture for longer, "
                "or name the servers with --home"
            )
