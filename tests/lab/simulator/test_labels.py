# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from minewatch.lab.simulator.labels import COLUMNS
from minewatch.lab.simulator.population import draw
from minewatch.lab.simulator.settings import Composition, Settings
from minewatch.training.labels import read_labels

MAPPED = 0xFFFF << 32


@pytest.mark.parametrize("composition", ["wild", "look-alikes", "paper"])
def test_the_rules_say_what_is_true_of_every_conversation(tmp_path: Path, composition: Composition):
    settings = Settings(conversations=6000, mining=60, days=0.1, composition=composition)
    population = draw(settings, 9)
    scripts = [script.conversations for script in population.batches()]
    population.write_labels(tmp_path / "labels.tsv")
    population.write_truth(tmp_path / "truth.parquet")
    truth = pl.read_parquet(tmp_path / "truth.parquet")
    (capture,) = read_labels(tmp_path / "labels.tsv")
    assert capture.name == "simulated.pcap"

    def joined(name: str) -> np.ndarray:
        return np.concatenate([getattr(script, name) for script in scripts])

    frame = pl.DataFrame(
        {
            "source_address_high": np.zeros(settings.conversations, np.uint64),
            "source_address_low": joined("initiator_address").astype(np.uint64) + MAPPED,
            "destination_address_high": np.zeros(settings.conversations, np.uint64),
            "destination_address_low": joined("responder_address").astype(np.uint64) + MAPPED,
            "source_transport_port": joined("initiator_port"),
            "destination_transport_port": joined("responder_port"),
            "protocol_identifier": joined("protocol"),
        }
    )
    told = capture.attributes(frame)
    assert told["label"].to_list() == np.where(truth["is_mining"], "mining", "normal").tolist()
    for name in ("service", "coin", "algorithm", "dialect", "transport", "pool", "miner", "host"):
        assert told[name].to_list() == truth[name].to_list(), name
    assert told["evasion"].fill_null("").to_list() == truth["evasion"].fill_null("").to_list()
    assert not told["is_initiator_labelled"].any()


def test_the_file_is_small_and_has_the_agreed_columns(tmp_path: Path):
    population = draw(Settings(), 1)
    population.write_labels(tmp_path / "labels.tsv", capture="captures/x.pcap")
    lines = (tmp_path / "labels.tsv").read_text().splitlines()
    assert lines[0].split("\t") == list(COLUMNS)
    assert all(line.startswith("captures/x.pcap\tsimulator-wild-1\t") for line in lines[1:])
    assert len(lines) < 1000
