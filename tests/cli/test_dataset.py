# SPDX-License-Identifier: Apache-2.0
import datetime as dt
import json

import pytest

from runs import write_run


@pytest.fixture
def run_folder(tmp_path):
    return write_run(tmp_path / "run")


@pytest.fixture
def data(run, run_folder, tmp_path):
    assert run("dataset", "build", run_folder, "--out", tmp_path / "data", "-q").exit_code == 0
    return tmp_path / "data"


def test_build_sums_up(run, run_folder, tmp_path):
    out = tmp_path / "data"
    result = run("dataset", "build", run_folder, "--out", out, "--packets", "--name", "monday")
    assert result.exit_code == 0
    assert result.stdout == (f"{out}: 4 mining and 5 normal conversations, 2 hosts, 2 pools\n")
    card = json.loads((out / "card.json").read_text())
    assert card["name"] == "monday"
    assert card["created"] == dt.datetime.now(dt.UTC).date().isoformat()
    assert (out / "packets.parquet").exists()


def test_build_without_addresses_and_with_a_licence(run, run_folder, tmp_path):
    labels = run_folder / "labels.tsv"
    labels.write_text(labels.read_text().replace("CC0-1.0", ""))
    arguments = ("--out", tmp_path / "data", "--no-addresses", "--licence", "MIT")
    assert run("dataset", "build", labels, *arguments).exit_code == 0
    card = json.loads((tmp_path / "data" / "card.json").read_text())
    assert (card["has_addresses"], card["licences"]) == (False, ["MIT"])


def test_info_is_the_page(run, data):
    result = run("dataset", "info", data)
    assert result.exit_code == 0
    assert result.stdout == (data / "README.md").read_text()


def test_verify(run, data):
    result = run("dataset", "verify", data)
    assert (result.exit_code, result.stdout) == (0, f"{data}: as its card says\n")
    (data / "README.md").write_text("changed")
    result = run("dataset", "verify", data)
    assert result.exit_code == 1
    assert result.stdout.startswith("README.md: 7 octets, the card says ")


def test_split(run, data, tmp_path):
    out = tmp_path / "parts"
    result = run("dataset", "split", data, "--by", "host", "--out", out, "--group", "web-2")
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        f"{out}/train: 2 mining and 2 normal conversations, 1 hosts, 2 pools",
        f"{out}/test: 2 mining and 1 normal conversations, 1 hosts, 2 pools",
        "2 conversations would lie on both sides and are left out",
    ]
    for name in ("train", "test"):
        assert run("dataset", "verify", out / name).exit_code == 0
    result = run("dataset", "split", data, "--by", "pool", "--out", tmp_path / "f", "--folds", 2)
    assert [line.partition(":")[0] for line in result.stdout.splitlines()[:2]] == [
        f"{tmp_path}/f/fold-1",
        f"{tmp_path}/f/fold-2",
    ]


def test_errors_are_one_line(run, data, run_folder, tmp_path):
    for arguments, message in (
        (("build", run_folder, "--out", data), "exists; name a new folder"),
        (("build", tmp_path / "gone.tsv", "--out", tmp_path / "x"), "cannot be read as text"),
        (("info", tmp_path), "this is no dataset"),
        (
            ("split", data, "--by", "time", "--out", tmp_path / "x", "--test", "2"),
            "between 0 and 1",
        ),
        (("split", data, "--by", "source", "--out", tmp_path / "x"), "do not make 2 parts"),
    ):
        result = run("dataset", *arguments)
        assert result.exit_code == 2, result.output
        assert message in result.stderr
        assert len(result.stderr.splitlines()) == 1
    assert not (tmp_path / "x").exists()


def test_verify_of_no_dataset_is_status_1(run, tmp_path):
    result = run("dataset", "verify", tmp_path)
    assert result.exit_code == 1
    assert "this is no dataset" in result.stdout
