# SPDX-License-Identifier: Apache-2.0
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from coin_corpus import corpus
from minewatch.errors import ConfigError
from minewatch.experiments.benchmark import corpora
from minewatch.experiments.benchmark.corpora import read_sources, renamed
from minewatch.training.corpus import tables
from minewatch.training.corpus.stored import Corpus
from talks import frames_of, write_capture

TALK = [(2.0 + 5 * n, n % 2 == 0, 100) for n in range(20)]


@pytest.fixture(scope="module")
def small():
    return corpus(pools=1, each=1)


@pytest.fixture
def built(small, monkeypatch):
    """What was read of captures, rather than of the folder that remembers."""
    paths = []

    def build(labels):
        paths.extend(labels)
        return small

    monkeypatch.setattr(corpora, "build_corpus", build)
    return paths


@pytest.fixture
def labels(tmp_path):
    file = tmp_path / "run" / "labels.tsv"
    file.parent.mkdir()
    file.write_text("capture\tsource\tlabel\na.pcap\tx\tnormal\n")
    return file


@pytest.fixture
def cache(tmp_path):
    folder = tmp_path / "cache"
    folder.mkdir()
    return folder


def same(one, other):
    assert_frame_equal(one.conversations, other.conversations)
    assert_frame_equal(one.packets, other.packets)
    assert_frame_equal(one.decoded, other.decoded)


def test_captures_are_read_and_then_remembered(tmp_path, cache):
    file = write_capture(tmp_path, frames_of(TALK), "office\tnormal")
    first = read_sources([str(file)], cache=cache)
    assert first.conversations["source"].to_list() == ["office"]
    assert first.packets.height == 42
    (tmp_path / "a.pcap").unlink()
    same(read_sources([str(file)], cache=cache), first)


def test_the_same_labels_are_read_once(small, built, labels, cache):
    """Named, or by the folder of their run."""
    steps = []
    for name in (labels, labels, labels.parent):
        same(read_sources([str(name)], cache=cache, on_step=steps.append), small)
    assert built == [labels]
    assert steps == [f"reading {labels}", f"reading {labels}", f"reading {labels.parent}"]


def test_changed_labels_are_read_again(built, labels, cache):
    read_sources([str(labels)], cache=cache)
    with labels.open("a") as file:
        file.write("b.pcap\tx\tnormal\n")
    read_sources([str(labels)], cache=cache)
    assert built == [labels, labels]


def test_the_same_text_elsewhere_is_of_other_captures(built, labels, cache, tmp_path):
    other = tmp_path / "other.tsv"
    other.write_text(labels.read_text())
    read_sources([str(labels), str(other)], cache=cache)
    assert built == [labels, other]


def test_another_version_is_read_again(built, labels, cache, monkeypatch):
    read_sources([str(labels)], cache=cache)
    monkeypatch.setattr(corpora, "CACHE_VERSION", corpora.CACHE_VERSION + 1)
    read_sources([str(labels)], cache=cache)
    assert built == [labels, labels]


def test_without_a_folder_nothing_is_remembered(built, labels, tmp_path):
    before = set(tmp_path.rglob("*"))
    for _ in range(2):
        read_sources([str(labels)])
    assert built == [labels, labels]
    assert set(tmp_path.rglob("*")) == before


def test_what_was_half_written_is_never_read(small, built, labels, cache, monkeypatch):
    """As when the program is stopped, or the disk is full, before the last table."""

    def half(self, folder):
        folder.mkdir(parents=True)
        self.conversations.head(1).write_parquet(folder / tables.CONVERSATIONS)
        raise OSError("no space left")

    with monkeypatch.context() as patch:
        patch.setattr(Corpus, "write", half)
        with pytest.raises(OSError, match="no space left"):
            read_sources([str(labels)], cache=cache)
    assert list(cache.iterdir())
    same(read_sources([str(labels)], cache=cache), small)
    assert built == [labels, labels]
    same(read_sources([str(labels)], cache=cache), small)
    assert built == [labels, labels]
    assert [one.suffix for one in cache.iterdir()] == [""]


@pytest.mark.parametrize("is_kept", [True, False])
def test_missing_labels_are_named_with_the_cure(is_kept, tmp_path, cache):
    (tmp_path / "empty").mkdir()
    kept = cache if is_kept else None
    for name, file in (("gone.tsv", "gone.tsv"), ("empty", "empty/labels.tsv")):
        with pytest.raises(ConfigError) as error:
            read_sources([str(tmp_path / name)], cache=kept)
        assert str(error.value) == (
            f"{tmp_path / file}: cannot be read (No such file or directory): name a labels file, "
            "or the folder of a run"
        )
    assert not list(cache.iterdir())


def test_sources_are_numbered_on(small, built, labels, monkeypatch):
    asked = []

    def cesnet(path):
        asked.append(path)
        return renamed(small, "cesnet")

    monkeypatch.setattr(corpora, "read_cesnet", cesnet)
    steps = []
    found = read_sources([str(labels), str(labels)], "flows.csv", on_step=steps.append)
    n = small.conversations.height
    assert found.conversations["conversation"].to_list() == list(range(1, 3 * n + 1))
    assert found.conversations["source"].to_list() == ["made"] * 2 * n + ["cesnet"] * n
    assert found.packets["conversation"].n_unique() == 3 * n
    assert asked == ["flows.csv"]
    assert steps[-1] == "reading flows.csv"


def test_a_renamed_corpus_is_another_in_name_alone(small):
    noted = Corpus(small.conversations, small.packets, small.decoded, ("bad.pcap",))
    found = renamed(noted, "town")
    assert set(found.conversations["source"]) == {"town"}
    assert dict(found.conversations.schema) == tables.LABELLED
    assert_frame_equal(found.conversations.drop("source"), small.conversations.drop("source"))
    assert found.packets is small.packets
    assert found.decoded is small.decoded
    assert found.unreadable == ("bad.pcap",)
    assert set(small.conversations["source"]) == {"made"}
    assert isinstance(found.conversations.schema["source"], pl.String)
