# SPDX-License-Identifier: Apache-2.0
import hashlib

import pytest

from minewatch.datasets.inputs import described_capture, described_labels, find_captures
from minewatch.errors import ConfigError, SourceError
from runs import write_run


def test_captures_are_named_from_where_they_have_in_common(tmp_path):
    one, two = write_run(tmp_path / "one"), write_run(tmp_path / "two", seed=8)
    names = [capture.name for capture in find_captures([one, two / "labels.tsv"])]
    assert names == [
        f"{run}/captures/{host}.pcap" for run in ("one", "two") for host in ("web-1", "web-2")
    ]
    alone = [capture.name for capture in find_captures([one])]
    assert alone == ["web-1.pcap", "web-2.pcap"]


def test_a_capture_named_twice_or_missing(run_folder):
    with pytest.raises(ConfigError, match="named by other labels too"):
        find_captures([run_folder, run_folder / "labels.tsv"])
    (run_folder / "captures" / "web-2.pcap").unlink()
    with pytest.raises(SourceError, match="no such file"):
        find_captures([run_folder])


def test_what_the_card_says_of_inputs(run_folder):
    labels, plan = described_labels(run_folder)
    octets = (run_folder / "labels.tsv").read_bytes()
    assert labels == {
        "kind": "labels",
        "name": "labels.tsv",
        "octets": len(octets),
        "sha256": hashlib.sha256(octets).hexdigest(),
    }
    assert (plan["kind"], plan["seed"]) == ("plan", 7)
    first, second = find_captures([run_folder])
    assert described_capture(first, [])["licence"] == "CC0-1.0"
    assert described_capture(second, ["cut"])["notes"] == ["cut"]


def test_the_seed_of_a_simulation(run_folder):
    (run_folder / "plan.json").rename(run_folder / "simulation.json")
    _, plan = described_labels(run_folder)
    assert (plan["name"], plan["seed"]) == ("simulation.json", 7)


@pytest.mark.parametrize("text", ["", "[]", "{", "[" * 100_000])
def test_a_plan_that_is_none(run_folder, text):
    (run_folder / "plan.json").write_text(text)
    with pytest.raises(ConfigError, match=r"plan\.json: not a plan"):
        described_labels(run_folder)


@pytest.mark.parametrize("seed", ['"x"', "-1", "1e3", "null"])
def test_a_plan_without_a_seed(run_folder, seed):
    (run_folder / "plan.json").write_text(f'{{"seed": {seed}}}')
    assert "seed" not in described_labels(run_folder)[1]
