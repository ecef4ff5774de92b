# SPDX-License-Identifier: Apache-2.0
"""From labelled captures to a dataset: a folder of tables with a card that proves them."""

from __future__ import annotations

import platform
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl

from minewatch import __version__
from minewatch.datasets import tables
from minewatch.datasets.agreement import Agreement, decoded_names
from minewatch.datasets.card import README, DataCard, StoredFile, write_card
from minewatch.datasets.checking import check_capture
from minewatch.datasets.composition import composition, known_biases
from minewatch.datasets.folders import new_folder, stored_file, write_table
from minewatch.datasets.inputs import (
    NamedCapture,
    described_capture,
    described_labels,
    find_captures,
)
from minewatch.datasets.labelling import InspectionOptions
from minewatch.datasets.origin import ENDS, with_hosts, with_remote, without_addresses
from minewatch.datasets.packets import packet_rows
from minewatch.datasets.page import dataset_page
from minewatch.errors import ConfigError
from minewatch.output.destination import Destination
from minewatch.output.parquet import ParquetStream
from minewatch.readers.capture import CaptureCounters
from minewatch.readers.source import Input
from minewatch.schema import SCHEMA_VERSION
from minewatch.types import Conversations

INTENDED_USE: Final = (
    "To train and to compare detectors of mining by the shape of its traffic. Not to tell whether "
    "an address, a pool or a person mines: addresses are of a laboratory, or historical."
)
_STAGE: Final = "stage.parquet"


@dataclass(frozen=True, slots=True)
class BuildOptions:
    """What to build.

    Parameters
    ----------
    name : of the dataset; empty for that of its folder.
    inspection : how captures become conversations, and are read.
    with_packets : write the first and latest payload packets of each conversation too.
    with_addresses : false to take addresses out, and number hosts and remotes.
    licence : of captures whose labels tell none.
    created : date for the card; empty, and the same inputs give the same dataset.
    on_capture : called with each capture before it is read.
    """

    name: str = ""
    inspection: InspectionOptions = field(default_factory=InspectionOptions)
    with_packets: bool = False
    with_addresses: bool = True
    licence: str = ""
    created: str = ""
    on_capture: Callable[[Input, CaptureCounters], None] | None = None


def build_dataset(
    labels: Sequence[Path], out: Path, options: BuildOptions | None = None
) -> DataCard:
    """Build a dataset of all labelled conversations of some captures; return its card.

    Parameters
    ----------
    labels : labels files, or folders of runs of the lab or the simulator.
    out : folder to make.
    options : what to build; None for the defaults.

    Raises
    ------
    ConfigError : labels are wrong, the folder exists, or nothing is labelled mining or normal.
    SourceError : a capture cannot be read.
    """
    options = options or BuildOptions()
    captures = find_captures(labels)
    described = [one for path in labels for one in described_labels(path)]
    with new_folder(out) as folder:
        stage = _Stage(folder, options)
        described += stage.fill(captures)
        files = stage.finish()
        if not files[0].rows:
            raise ConfigError(f"{labels[0]}: labels no conversation mining or normal")
        card = _card(options.name or out.name, files, stage, described)
        return seal(card, folder)


def seal(card: DataCard, folder: Path) -> DataCard:
    """Write the page and the card of a dataset whose tables are there; return the whole card.

    Parameters
    ----------
    card : with the files of the tables.
    folder : of the dataset.
    """
    (folder / README).write_text(dataset_page(card), encoding="utf-8")
    card = replace(card, files=(*card.files, stored_file(folder / README)))
    write_card(card, folder)
    return card


class _Stage:
    """Conversations as they come; what can be told only of all of them comes at the end."""

    def __init__(self, folder: Path, options: BuildOptions) -> None:
        self.folder = folder
        self.options = options
        self.agreement = Agreement()
        self.left_out: Counter[str] = Counter()
        self.seen: dict[str, str] = {}
        self.rows = 0
        self.packet_rows = 0

    def fill(self, captures: Sequence[NamedCapture]) -> list[dict[str, Any]]:
        """Read every capture into the staged tables; return what the card says of each."""
        with ExitStack() as stack:
            rows = self._stream(stack, _STAGE, tables.conversation_schema() | dict(ENDS))
            packets = None
            if self.options.with_packets:
                packets = self._stream(stack, tables.PACKETS, tables.packet_schema())
            described = [self._read(capture, rows, packets) for capture in captures]
            for stream in filter(None, (rows, packets)):
                stream.close()
        return described

    def _stream(self, stack: ExitStack, name: str, schema: dict[str, pl.DataType]) -> ParquetStream:
        destination = stack.enter_context(Destination(str(self.folder / name)))
        return ParquetStream(destination, schema)

    def _read(
        self, capture: NamedCapture, rows: ParquetStream, packets: ParquetStream | None
    ) -> dict[str, Any]:
        options, before = self.options, self.rows
        labelled = {Path(capture.source.path).resolve(): capture.labels}
        report, pairs = check_capture(capture.source, labelled, options.inspection, decoded_names())
        if options.on_capture is not None:
            options.on_capture(capture.source, report.input.capture)
        for inspected, built in pairs:
            self.agreement.add(built)
            table = self._rows(inspected, built, capture.name)
            rows.write(table.select([*tables.conversation_schema(), *ENDS]))
            if packets is not None:
                more = packet_rows(table, inspected.packets)
                self.packet_rows += more.height
                packets.write(more)
        if report.failures:
            raise ConfigError(f"{capture.name}: a decoder failed: {report.failures}")
        described = described_capture(capture, report.input.capture.notes)
        twin = self.seen.setdefault(described["sha256"], capture.name)
        if twin != capture.name and self.rows > before:
            # No split knows copies, so that one could be trained and the other tested on.
            raise ConfigError(f"{capture.name}: a copy of {twin}; name one of them")
        return described

    def _rows(self, inspected: Conversations, built: pl.DataFrame, name: str) -> pl.DataFrame:
        """Return what is labelled mining or normal, numbered on."""
        wanted = built["label"].is_in(["mining", "normal"]).fill_null(value=False)
        for label, count in built["label"].filter(~wanted).value_counts().iter_rows():
            self.left_out[label or "not labelled"] += count
        frame = inspected.frame.rename({"stratum_dialect": "decoded_dialect"})
        frame = pl.concat([frame, built], how="horizontal").filter(wanted)
        numbers = np.arange(self.rows + 1, self.rows + 1 + frame.height, dtype=np.uint64)
        self.rows += frame.height
        return with_remote(
            frame.with_columns(
                pl.Series("conversation", numbers),
                pl.lit(name).alias("capture"),
                pl.lit(None, pl.String).alias("other_host"),
            )
        )

    def finish(self) -> list[StoredFile]:
        """Write the tables as they are to be; return what they are."""
        stage = self.folder / _STAGE
        path = self.folder / tables.CONVERSATIONS
        table = with_hosts(pl.scan_parquet(stage, glob=False))
        if self.options.with_addresses:
            table = table.select(list(tables.conversation_schema()))
        else:
            table = without_addresses(table)
        write_table(table, path)
        stage.unlink()
        files = [stored_file(path, self.rows)]
        if self.options.with_packets:
            files.append(stored_file(self.folder / tables.PACKETS, self.packet_rows))
        return files


def _card(
    name: str,
    files: Sequence[StoredFile],
    stage: _Stage,
    described: Sequence[dict[str, Any]],
) -> DataCard:
    options = stage.options
    parts = composition(pl.scan_parquet(stage.folder / tables.CONVERSATIONS, glob=False))
    pipeline = options.inspection.pipeline
    licences = {one["licence"] or options.licence for one in described if "licence" in one}
    return DataCard(
        name=name,
        schema_version=SCHEMA_VERSION,
        files=tuple(files),
        composition=parts,
        has_addresses=options.with_addresses,
        inputs=tuple(described),
        left_out=dict(sorted(stage.left_out.items())),
        agreement=stage.agreement.as_mapping(),
        seeds=tuple(sorted({one["seed"] for one in described if "seed" in one})),
        settings=pipeline.settings() | {"home": [str(network) for network in pipeline.home]},
        versions={
            "minewatch": __version__,
            "numpy": np.__version__,
            "polars": pl.__version__,
            "python": platform.python_version(),
        },
        licences=tuple(sorted(licences - {""})) or ("none stated",),
        intended_use=INTENDED_USE,
        known_biases=tuple(known_biases(parts)),
        created=options.created,
    )
