# SPDX-License-Identifier: Apache-2.0
import polars as pl
import pytest

from minewatch.datasets.build import BuildOptions, build_dataset
from minewatch.datasets.card import read_card
from minewatch.datasets.labelling import InspectionOptions
from minewatch.datasets.stored import open_dataset
from minewatch.datasets.verify import problems
from minewatch.errors import ConfigError, SourceError
from minewatch.features.volume import VolumeFeatures
from minewatch.types import Conversations
from runs import POOL, WEB_1, write_run


def test_a_dataset_holds_every_labelled_conversation(dataset):
    frame = open_dataset(dataset).conversations()
    assert frame["conversation"].to_list() == list(range(1, 10))
    assert dict(frame["label"].value_counts().iter_rows()) == {"mining": 4, "normal": 5}
    row = frame.filter(source_transport_port=41_000).row(0, named=True)
    expected = {
        "capture": "web-1.pcap",
        "source": "lab",
        "host": "web-1",
        "other_host": None,
        "remote": "pool-1",
        "dialect": "cryptonote",
        "transport": "tcp",
        "evasion": "port",
        "inspection": "mining",
        "decoded_dialect": "cryptonote",
    }
    assert {name: row[name] for name in expected} == expected
    shared = frame.filter(service="redis").sort("host")
    assert shared.select("host", "other_host", "remote").rows() == [
        ("web-1", "web-2", "10.0.0.2:6379"),
        ("web-2", "web-1", "10.0.0.2:6379"),
    ]


def test_features_can_be_computed_of_it(dataset):
    frame = open_dataset(dataset).conversations()
    values = VolumeFeatures().transform(Conversations(frame)).values
    assert values.shape[0] == frame.height


def test_packets_belong_to_their_conversations(dataset):
    stored = open_dataset(dataset)
    frame, packets = stored.conversations(), stored.packets().collect()
    sums = packets.group_by("conversation").agg(
        pl.col("payload_octets").filter("from_initiator").sum().alias("sent"),
        pl.col("offset_ns").is_sorted().alias("is_sorted"),
    )
    both = frame.join(sums, on="conversation")
    assert both.height == frame.filter(pl.col("payload_octet_count") > 0).height
    assert (both["sent"] == both["payload_octet_count"]).all()
    assert both["is_sorted"].all()


def test_the_card_tells_what_it_is_made_of(dataset):
    card = read_card(dataset)
    assert card.seeds == (7,)
    assert card.licences == ("CC0-1.0",)
    assert card.agreement == {"mining": {"hidden": 2, "right": 2}, "normal": {"right": 5}}
    assert card.composition["dialect"] == {"cryptonote": 4}
    assert card.composition["groups"]["hosts"] == 2
    assert card.left_out == {}
    assert [one["kind"] for one in card.inputs] == ["labels", "plan", "capture", "capture"]
    assert card.settings["interval_s"] == 60.0
    assert any("one source" in bias for bias in card.known_biases)
    assert [file.name for file in card.files] == [
        "conversations.parquet",
        "packets.parquet",
        "README.md",
    ]
    assert sorted(path.name for path in dataset.iterdir()) == sorted(
        ["card.json", *(file.name for file in card.files)]
    )


def test_the_same_inputs_give_the_same_dataset(tmp_path, run_folder, dataset):
    build_dataset([run_folder], tmp_path / "again", BuildOptions("data", with_packets=True))
    for name in ("card.json", "README.md", "conversations.parquet", "packets.parquet"):
        assert (tmp_path / "again" / name).read_bytes() == (dataset / name).read_bytes(), name


def test_several_runs_make_one_dataset(tmp_path):
    runs = [write_run(tmp_path / "one"), write_run(tmp_path / "two", start_s=9000, seed=9)]
    card = build_dataset(runs, tmp_path / "both")
    assert card.composition["label"] == {"mining": 8, "normal": 10}
    assert card.seeds == (7, 9)
    assert problems(tmp_path / "both") == []


class Broken:
    """A decoder that raises."""

    name = "broken"
    kinds = 255
    columns = ()

    def decode(self, payload):
        raise ZeroDivisionError


def test_a_decoder_that_fails_makes_no_dataset(tmp_path, run_folder):
    decoders = (*InspectionOptions().decoders, Broken())
    options = BuildOptions(inspection=InspectionOptions(decoders=decoders))
    with pytest.raises(ConfigError, match=r"web-1\.pcap: a decoder failed: .*ZeroDivisionError"):
        build_dataset([run_folder], tmp_path / "data", options)
    assert not (tmp_path / "data").exists()


def test_a_copy_of_a_capture_is_refused(tmp_path):
    runs = [write_run(tmp_path / "one"), write_run(tmp_path / "two")]
    with pytest.raises(ConfigError, match=r"two/captures/web-1\.pcap: a copy of one/captures/web"):
        build_dataset(runs, tmp_path / "both")


def test_hosts_of_two_networks_keep_to_themselves(tmp_path):
    runs = [write_run(tmp_path / "one"), write_run(tmp_path / "two", start_s=9000)]
    labels = runs[1] / "labels.tsv"
    text = labels.read_text().replace("\tlab\t", "\tother\t")
    labels.write_text(text.replace("\tweb-", "\tdb-"))
    build_dataset(runs, tmp_path / "both")
    frame = open_dataset(tmp_path / "both").conversations()
    pairs = frame.group_by("source", "host", "other_host").len().sort(pl.all(), nulls_last=True)
    assert pairs.rows() == [
        (source, host, other, count)
        for source, name in (("lab", "web"), ("other", "db"))
        for host, other, count in (
            (f"{name}-1", f"{name}-2", 1),
            (f"{name}-1", None, 4),
            (f"{name}-2", f"{name}-1", 1),
            (f"{name}-2", None, 3),
        )
    ]


def test_what_is_skipped_or_not_labelled_is_counted(tmp_path, run_folder):
    labels = run_folder / "labels.tsv"
    lines = labels.read_text().splitlines()
    kept = [line for line in lines if "redis" not in line]
    kept[1:1] = [f"captures/{host}.pcap\tlab\tskip\t\t80" for host in ("web-1", "web-2")]
    labels.write_text("\n".join(kept) + "\n")
    card = build_dataset([labels], tmp_path / "data")
    assert card.left_out == {"not labelled": 2, "skip": 3}
    assert card.composition["label"] == {"mining": 4}


def test_without_addresses_none_is_left(tmp_path, run_folder):
    build_dataset([run_folder], tmp_path / "data", BuildOptions(with_addresses=False))
    assert problems(tmp_path / "data") == []
    frame = open_dataset(tmp_path / "data").conversations()
    text = str(frame.rows())
    assert POOL not in text
    assert WEB_1 not in text
    assert set(frame["host"]) == {"host-1", "host-2"}


def test_what_cannot_be_built_leaves_nothing(tmp_path, run_folder):
    labels = run_folder / "labels.tsv"
    text = labels.read_text()
    labels.write_text(text.replace("\tmining\t", "\tskip\t").replace("\tnormal\t", "\tskip\t"))
    with pytest.raises(ConfigError, match="labels no conversation mining or normal"):
        build_dataset([labels], tmp_path / "data")
    labels.write_text(text)
    (run_folder / "captures" / "web-2.pcap").write_bytes(b"not a capture, this")
    with pytest.raises(SourceError, match="not a capture"):
        build_dataset([labels], tmp_path / "data")
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
