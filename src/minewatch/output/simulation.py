# SPDX-License-Identifier: Apache-2.0
"""A simulated population as a capture, as flow records, or both, in a folder of its own.

Flow records come from the metering process that reads captures, fed with the very octets of the
capture through a pipe. What cannot be finished is removed.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final, Literal, TypeAlias

from minewatch.errors import ConfigError
from minewatch.lab.simulator.frames import Records
from minewatch.lab.simulator.pcap import EngineOptions, Totals, spooled, write_pcap
from minewatch.lab.simulator.script import Script
from minewatch.metering.state import MeteringOptions
from minewatch.output.destination import Destination
from minewatch.output.flows import FlowWriter
from minewatch.pipeline import PipelineOptions, meter_capture, open_capture
from minewatch.readers.source import Input

PCAP_NAME: Final = "simulated.pcap"
FLOWS_NAME: Final = "flows.parquet"
FORMATS: Final = ("pcap", "flows", "both")

Format: TypeAlias = Literal["pcap", "flows", "both"]
_BUFFER_OCTETS: Final = 1 << 20


@dataclass(slots=True)
class Written:
    """What was written."""

    totals: Totals
    paths: list[Path] = field(default_factory=list)
    flow_records: int = 0
    packets_metered: int = 0


def write_simulation(
    batches: Iterable[Script],
    folder: Path,
    options: EngineOptions,
    format: Format = "pcap",
    *,
    metering: MeteringOptions | None = None,
    on_made: Callable[[Totals], None] | None = None,
    on_written: Callable[[int], None] | None = None,
) -> Written:
    """Write scripts as ``simulated.pcap``, ``flows.parquet`` or both.

    Parameters
    ----------
    batches : what is said.
    folder : where the files go; it must exist.
    options : how scripts become a capture.
    format : one of ``FORMATS``.
    metering : how flow records are made.
    on_made : called with the sums, a part of a batch at a time.
    on_written : called with the octets of the capture that were written, a piece at a time.

    Raises
    ------
    ConfigError : the files cannot be written, as when the disk is full; none is left.
    """
    if format not in FORMATS:
        raise ConfigError(f"--format {format}: one of {', '.join(FORMATS)}")
    with _disk_errors(folder), ExitStack() as stack:
        totals, made = stack.enter_context(spooled(batches, folder, options, on_made))
        written = Written(totals)
        sinks: list[IO[bytes]] = []
        if format != "flows":
            sinks.append(stack.enter_context(_whole_file(folder / PCAP_NAME)))
            written.paths.append(folder / PCAP_NAME)
        if format == "pcap":
            write_pcap(made, sinks, options.snaplen, on_written)
            return written
        written.paths.append(folder / FLOWS_NAME)
        destination = stack.enter_context(Destination(str(folder / FLOWS_NAME)))
        with _piped(made, sinks, options.snaplen, on_written) as source:
            _meter(source, destination, metering or MeteringOptions(keep_packets=False), written)
    return written


def _meter(
    source: Input, destination: Destination, metering: MeteringOptions, written: Written
) -> None:
    options = PipelineOptions(metering)
    capture, process = open_capture(source, options)
    writer = FlowWriter(destination, "parquet", with_capture=False)
    for output in meter_capture(capture, process, options):
        writer.write(output.flows, source.name)
        written.flow_records += output.flows.height
    writer.finish()
    written.packets_metered = capture.counters.packets_seen


@contextmanager
def _piped(
    made: Iterable[Records],
    sinks: list[IO[bytes]],
    snaplen: int,
    on_written: Callable[[int], None] | None,
) -> Iterator[Input]:
    """Write a capture in a thread, into the sinks and into a pipe; give the pipe's other end."""
    read_end, write_end = os.pipe()
    errors: list[BaseException] = []

    def write() -> None:
        try:
            with open(write_end, "wb", _BUFFER_OCTETS) as pipe:
                write_pcap(made, [*sinks, pipe], snaplen, on_written)
        except BaseException as error:  # noqa: BLE001 - raised again by the caller's thread
            errors.append(error)

    thread = threading.Thread(target=write, name="minewatch-simulator", daemon=True)
    thread.start()
    failed = True
    try:
        yield Input(PCAP_NAME, f"/dev/fd/{read_end}", None)
        failed = False
    finally:
        # Nobody reads any longer: a writer that is not done gets an error instead of waiting.
        os.close(read_end)
        thread.join()
        if errors and not (failed and isinstance(errors[0], BrokenPipeError)):
            raise errors[0]


@contextmanager
def _whole_file(path: Path) -> Iterator[IO[bytes]]:
    """Open a file that appears under its name when it is whole."""
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("wb", _BUFFER_OCTETS) as file:
            yield file
        part.rename(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


@contextmanager
def _disk_errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise ConfigError(
            f"{folder}: {error.strerror or error}; nothing was written: give a folder on a disk "
            "with room for twice the capture, or a smaller --snaplen"
        ) from error
