# SPDX-License-Identifier: Apache-2.0
import errno
import json

import numpy as np
import pytest

import packets as p
from minewatch.errors import ConfigError
from minewatch.experiments.paper import figures, reproduce
from minewatch.experiments.paper.experiment import Clock
from minewatch.experiments.paper.reproduce import ReproduceOptions, check_libraries

LABELS = "capture\tsource\tlabel\taddress\tport\tcoin\tpool\n"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Five servers; each mines two coins at pools of their own and serves others."""
    folder = tmp_path_factory.mktemp("run")
    rng = np.random.default_rng(0)
    frames = []
    for i in range(240):
        near, is_mining = f"10.0.0.{1 + i % 5}", i % 3 == 0
        far = f"203.0.113.{1 + i // 3 % 4}" if is_mining else f"198.51.100.{1 + i % 50}"
        size = 100 + 40 * (i // 3 % 4) if is_mining else int(rng.integers(300, 900))
        gap = 10 * p.NS if is_mining else int(rng.integers(10**6, 10**9))
        start = p.START + i * 60 * p.NS
        for k in range(6):
            ends = (near, far, 2000 + i, 3333) if k % 2 == 0 else (far, near, 3333, 2000 + i)
            data = p.tcp(ends[2], ends[3], b"m" * (size + int(rng.integers(0, 5))))
            frames.append(p.Frame(p.ether(p.ipv4(ends[0], ends[1], 6, data)), start + k * gap))
    (folder / "a.pcap").write_bytes(p.pcap(sorted(frames, key=lambda f: f.time_ns)))
    rows = [
        f"a.pcap\tlab\tmining\t203.0.113.{n}\t3333\t{'XMR' if n < 3 else 'RVN'}\tpool{n}\n"
        for n in range(1, 5)
    ]
    rows.append("a.pcap\tlab\tnormal\t198.51.100.0/24\t\t\t\n")
    (folder / "labels.tsv").write_text(LABELS + "".join(rows))
    return folder


def test_a_run_becomes_a_report_and_the_same_one_twice(run, tmp_path, small_forest):
    options = ReproduceOptions(seed=3, command="minewatch reproduce --run RUN")
    outs = [tmp_path / "first" / "deep", tmp_path / "second"]
    for out in outs:
        found = reproduce.reproduce(run, out, options, Clock())
    assert len(found.samples) == 240
    names = {*figures.file_names(), "report.md", "report.html", "results.json", "times.json"}
    for out in outs:
        assert {path.name for path in out.iterdir()} == names
    for name in names - {"times.json"}:
        assert (outs[0] / name).read_bytes() == (outs[1] / name).read_bytes()
    members = json.loads((outs[0] / "results.json").read_text())
    assert members["counts"]["packets"] == 240 * 6
    assert set(json.loads((outs[0] / "times.json").read_text())) >= {"reading captures", "coins"}
    page = (outs[0] / "report.html").read_text()
    assert page.count("data:image/png;base64,") == len(figures.file_names())


def test_rows_may_be_thinned_to_a_composition(run, tmp_path, small_forest):
    options = ReproduceOptions(n_normal=100, size="ip")
    found = reproduce.reproduce(run, tmp_path, options, Clock())
    assert len(found.samples) == 180
    assert found.samples.n_thinned == 60


def test_a_missing_library_is_named(monkeypatch):
    monkeypatch.setattr(reproduce, "_LIBRARIES", ("numpy", "no_such_library"))
    with pytest.raises(ConfigError, match=r"needs no_such_library: pip install 'minewatch\[paper"):
        check_libraries()


def test_a_folder_that_cannot_be_made(run, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"file/out: .*; no report was written"):
        reproduce.reproduce(run, tmp_path / "file" / "out", ReproduceOptions(), Clock())


class _FullDisk:
    """Fails as a full disk does, once two figures are drawn."""

    def __init__(self, draw):
        self.draw = draw

    def __call__(self, samples, coins, folder):
        self.draw(samples, coins, folder)
        (folder / "figure-2a.png").write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_leaves_what_was_there(run, tmp_path, small_forest, monkeypatch):
    before = tmp_path / "before"
    before.mkdir()
    (before / "report.md").write_text("an earlier one")
    monkeypatch.setattr(figures, "draw_all", _FullDisk(figures.draw_all))
    for out in (before, tmp_path / "new"):
        with pytest.raises(ConfigError, match="No space left on device; no report was written"):
            reproduce.reproduce(run, out, ReproduceOptions(), Clock())
    assert [path.name for path in before.iterdir()] == ["report.md"]
    assert (before / "report.md").read_text() == "an earlier one"
    assert not (tmp_path / "new").exists()


def test_no_file_of_an_earlier_report_stays(tmp_path):
    (tmp_path / "figure-4.png").write_bytes(b"old")
    (tmp_path / "notes.txt").write_text("mine")
    with reproduce._whole_or_none(tmp_path) as folder:
        (folder / "report.md").write_text("new")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["notes.txt", "report.md"]
