# SPDX-License-Identifier: Apache-2.0
"""``minewatch collect``, run as a program of its own and stopped as people stop it."""

import contextlib
import re
import signal
import socket
import struct
import subprocess
import sys

import polars as pl
import pytest
from typer.testing import CliRunner

import export_programs as e
from minewatch.cli import app

NOW_S = 1_615_280_400


def v5(sequence, n=30):
    head = struct.pack("!HHIIIIBBH", 5, n, 100_000, NOW_S, 0, sequence, 0, 0, 0)
    record = struct.pack(
        "!4s4s4sHHIIIIHHBBBBHHBBH",
        bytes([10, 0, 0, 1]), bytes([192, 0, 2, 1]), bytes(4), 0, 0, 6, 426, 90_000, 95_000,
        41_000, 3333, 0, 0x18, 6, 0, 0, 0, 0, 0, 0,
    )  # fmt: skip
    return head + record * n


def send(port, *datagrams):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        for datagram in datagrams:
            one.sendto(datagram, ("127.0.0.1", port))


@contextlib.contextmanager
def started(folder, *more, port=None):
    """A collector that listens; ended in any case."""
    port = port or e.free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "minewatch", "collect", "--netflow", f"127.0.0.1:{port}",
         "-o", str(folder), *more],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        e.wait_for(lambda: e.is_bound(port) or process.poll() is not None, "minewatch collect")
        yield process, port
    finally:
        process.kill()
        process.communicate()


def ended(process):
    out, told = process.communicate(timeout=e.PATIENCE_S)
    assert out == ""
    return process.returncode, told.splitlines()


def held(folder):
    return {path.name: pl.read_parquet(path).height for path in folder.glob("[!.]*")}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_what_was_received_is_written_when_it_is_stopped(number, tmp_path):
    with started(tmp_path) as (process, port):
        send(port, *[v5(30 * i) for i in range(20)], v5(900), b"garbage")
        process.send_signal(number)
        status, told = ended(process)
    assert status == 0
    assert held(tmp_path) == {"flows-20210309T085950Z.parquet": 630}
    assert told == [
        f"listening on 127.0.0.1:{port}",
        f"{tmp_path}/flows-20210309T085950Z.parquet; so far 22 datagrams, 630 records, 300 lost by "
        "sequence numbers, 0 dropped by the kernel, 0 refused, 1 fault",
    ]


def test_files_are_begun_anew(tmp_path):
    with started(tmp_path, "--rotate", "1") as (process, port):
        send(port, v5(0))
        e.wait_for(lambda: len(held(tmp_path)) == 1, "the first file")
        send(port, v5(30), v5(60))
        e.wait_for(lambda: sum(held(tmp_path).values()) == 90, "the second file")
        process.terminate()
        status, told = ended(process)
    assert status == 0
    assert sorted(held(tmp_path).values()) == [30, 60]
    assert told[-1].startswith("no new file; so far 3 datagrams, 90 records, 0 lost")


def test_it_ends_by_itself(tmp_path):
    with started(tmp_path, "--max-records", "60", "-q") as (process, port):
        send(port, v5(0), v5(30))
        assert ended(process) == (0, [])
    assert list(held(tmp_path).values()) == [60]
    with started(tmp_path, "--for", "0.2") as (process, port):
        status, told = ended(process)
    assert (status, told[-1][:33]) == (0, "no new file; so far 0 datagrams, ")


def test_exporters_that_are_not_allowed(tmp_path):
    with started(tmp_path, "--allow", "192.0.2.0/24") as (process, port):
        send(port, v5(0), v5(30))
        process.terminate()
        _, told = ended(process)
    assert held(tmp_path) == {}
    assert told[-1].endswith("0 dropped by the kernel, 2 refused from 1 exporter, 0 faults")


@e.needs("softflowd")
def test_real_exporters_send_all_versions_to_one_port(tmp_path):
    folder = tmp_path / "flows"
    with started(folder, "--ipfix", f"[::1]:{e.free_port()}") as (process, port):
        for version in (5, 9, 10):
            e.softflowd(tmp_path, port, version)
        process.terminate()
        status, told = ended(process)
    assert status == 0
    assert re.search(r"; so far 9 datagrams, 204 records, 0 lost .* 0 faults$", told[-1])
    (path,) = folder.iterdir()
    table = pl.read_parquet(path)
    assert table["packet_delta_count"].sum() == 3 * 1530
    assert table["octet_delta_count"].sum() == 3 * 184_643


def refused(*arguments):
    result = CliRunner().invoke(app, ["collect", *map(str, arguments)])
    assert result.exit_code == 2
    return result.stderr.strip()


def test_what_cannot_be_done_is_told_in_one_line(tmp_path):
    assert refused("-o", tmp_path) == (
        "minewatch: nowhere to listen; give --netflow, --ipfix or --sflow ADDRESS:PORT"
    )
    assert refused("-o", tmp_path, "--sflow", "6343").startswith(
        "minewatch: --sflow 6343: no address and port; write "
    )
    listen = ("--netflow", "127.0.0.1:0")
    assert refused("-o", tmp_path, *listen, "--allow", "10.0.0.0/99").startswith(
        "minewatch: --allow 10.0.0.0/99: "
    )
    (tmp_path / "file").write_text("")
    assert refused("-o", tmp_path / "file", *listen).endswith("File exists; give a folder")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
        told = refused("-o", tmp_path, *listen, "--netflow", f"127.0.0.1:{port}")
    assert "Address already in use; choose another address or port" in told


def test_whoever_listens_to_all_is_told(tmp_path):
    port = e.free_port()
    with started(tmp_path, "--ipfix", f"0.0.0.0:{e.free_port()}", "--for", "0.1", port=port) as (
        process,
        _,
    ):
        _, told = ended(process)
    assert told[2] == ("anybody who reaches it may send records; name the exporters with --allow")
