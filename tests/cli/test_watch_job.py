# SPDX-License-Identifier: Apache-2.0
import threading

import pytest

from minewatch.cli.watch_feeds import PacketFeed
from minewatch.cli.watch_job import WatchJob
from minewatch.errors import ConfigError
from minewatch.readers.capture import CaptureSource
from minewatch.readers.source import Input
from minewatch.types import PacketBatch
from minewatch.watching.checkpoint import CheckpointFolder
from watched import capture, mining, new_watch, of_scan, ticking


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return capture(tmp_path_factory.mktemp("job") / "a.pcap", mining(0, 8), ticking(250))


def source(path):
    return PacketFeed(CaptureSource(Input("a", path, None)))


def run(path, *sinks, kept=None, folder=None, seconds=None, **changes):
    job = WatchJob(new_watch(), None, None, **changes)
    job.run(source(path), kept, sinks, folder, seconds)
    return job


class Interface(PacketFeed):
    """Packets of a capture that pass for those of an interface."""

    is_live = True
    data_time_ns = None


def test_an_interface_is_watched_when_all_is_compiled(path, monkeypatch, capsys):
    said = []
    monkeypatch.setattr(
        "minewatch.cli.warming.warm_up", lambda scan: said.append(capsys.readouterr().err)
    )
    job = WatchJob(new_watch(), None, None)
    job.run(Interface(CaptureSource(Input("a", path, None))), None, (), None, None)
    assert said == [""]
    assert capsys.readouterr().err.startswith("watching ")


def test_a_signal_that_comes_first_of_all_ends_it_too(monkeypatch):
    monkeypatch.setattr("minewatch.cli.warming.warm_up", lambda scan: [])
    stopped = threading.Event()

    class Silent:
        """An interface on which nothing comes until it is stopped."""

        is_live, data_time_ns, notes, stop = True, None, (), stopped.set

        def batches(self):
            yield PacketBatch()
            assert stopped.is_set()

    job = WatchJob(new_watch(), None, None, quiet=True)
    job.stop()
    job.run(Silent(), None, (), None, None)


def test_alerts_reach_every_sink(path, tmp_path, capsys):
    run(path, f"jsonl:{tmp_path}/a.jsonl", f"jsonl:{tmp_path}/b.jsonl")
    one, other = ((tmp_path / name).read_text() for name in ("a.jsonl", "b.jsonl"))
    assert one == other
    assert of_scan(path)[0].id in one
    assert "10.0.0.1 mines at" in capsys.readouterr().out


def test_with_checkpoints_the_spool_lies_beside_them(path, tmp_path):
    kept = CheckpointFolder(tmp_path / "kept")
    run(path, f"jsonl:{tmp_path}/a.jsonl", kept=kept, folder=str(tmp_path / "kept"), quiet=True)
    kept.close()
    assert (tmp_path / "kept" / "spool").is_dir()
    assert of_scan(path)[0].id in (tmp_path / "a.jsonl").read_text()


def test_a_sink_that_cannot_be_opened_leaves_none_open(path, tmp_path):
    with pytest.raises(ConfigError, match="no such kind of sink"):
        run(path, f"jsonl:{tmp_path}/a.jsonl", "pigeon:roof")
    assert not (tmp_path / "a.jsonl").exists() or not (tmp_path / "a.jsonl").read_text()


def test_what_checkpoints_could_not_do_is_said_once(path, tmp_path, capsys):
    kept = CheckpointFolder(tmp_path / "kept")
    kept.failures.append("no checkpoint: No space left on device")
    run(path, kept=kept, quiet=True)
    kept.close()
    assert capsys.readouterr().err == "minewatch: no checkpoint: No space left on device\n"


def test_it_ends_when_its_time_is_over(path):
    job = run(path, seconds=0.0, quiet=True)
    assert job.is_stopped
    assert job.watch.counters.packets > 0


def test_what_is_watched_and_told_is_summed_up(path, capsys):
    job = run(path)
    err = capsys.readouterr().err
    assert f"test: {job.watch.counters.packets} packets, 2 conversations, " in err
    assert "times told" in err


def test_prometheus_shows_what_the_watch_measures(path, monkeypatch):
    attached = []

    class Sink:
        name = "prometheus://x"

        def attach(self, measures):
            attached.append(measures)

        def send(self, alerts):
            self.seen = {one.name for one in attached[0]()}
            attached.append(self.seen)

        def close(self):
            pass

    monkeypatch.setattr("minewatch.alerts.sinks.opening.open_sink", lambda address: Sink())
    run(path, "prometheus://x", quiet=True)
    assert {"packets", "looks", "sink_delivered", "spool_octets"} <= attached[1]
