# SPDX-License-Identifier: Apache-2.0
import numpy as np
import polars as pl
import pytest

import make_recall
from bench_corpus import recorded
from minewatch.capabilities.recall import read
from minewatch.detectors.fusion import Fusion
from minewatch.experiments.benchmark.fold_models import FoldModels
from minewatch.experiments.benchmark.folds import Fold
from minewatch.experiments.benchmark.format_scores import format_scores
from minewatch.training.corpus.log_views import LOG_SETTINGS
from minewatch.training.corpus.tables import WHOLE
from minewatch.types import Scores

CORPUS = recorded()
MINING = set(CORPUS.conversations.filter(pl.col("label") == "mining")["conversation"])


class Knowing:
    """Knows which conversations mine."""

    name = "rhythm"
    requires = ("flow_id",)
    uses = ()

    def score(self, conversations):
        near = (conversations.frame["source_address_low"] & 0xFFFFFF).to_list()
        return Scores(self.name, np.array([0.9 if one in MINING else 0.1 for one in near]))


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    out, root = tmp_path_factory.mktemp("out"), tmp_path_factory.mktemp("root")
    names = ("alpha", "bravo", "charlie", "delta", "cesnet", "lab")
    made = [(FoldModels(Fold("all", names), {}, pl.DataFrame()), (Knowing(),))]
    logs = format_scores(CORPUS, made, Fusion(), LOG_SETTINGS[:1], horizons_s=(60, 300, 600, WHOLE))
    logs["aws-60s"].write(out / "formats" / "aws-60s")
    logs["aws-60s"].write(out / "scores")  # as if they were of our own records
    given = [str(out), "--captures", str(out), "--made-by", "minewatch evaluate x"]
    given += ["--captures-made-by", "minewatch evaluate y"]
    assert make_recall.main([*given, "--date", "2026-01-02", "-o", str(root)]) == 0
    return root


def test_the_data_are_what_the_package_reads(written):
    told = read((written / make_recall.DATA).read_text(), "recall.json")
    assert (told.made_by, told.date) == ("minewatch evaluate x", "2026-01-02")
    assert told.captures_made_by == "minewatch evaluate y"
    assert {name: one.title for name, one in told.inputs.items()} == {
        "flow-log-60s": "records of minewatch, 60 s",
        "aws-60s": "AWS VPC Flow Logs, 60 s",
    }
    recall = told.inputs["aws-60s"].recalls["none", 600, 600]
    assert (recall.found, recall.mining) == (14, 14)


def test_captures_are_looked_at_when_logs_are(written):
    told = read((written / make_recall.DATA).read_text(), "recall.json")
    moments = {name: {key[1] for key in one.recalls} for name, one in told.inputs.items()}
    assert moments == {"flow-log-60s": {0, 600}, "aws-60s": {0, 60, 300, 600}}


def test_the_page_tells_of_each_scope(written):
    text = (written / make_recall.PAGE).read_text()
    assert text.startswith("# Each kind of flow log\n\nMeasured on 2026-01-02: `minewatch eval")
    assert "## Real sources" in text
    assert "## The lab" in text
    assert "| AWS VPC Flow Logs, 60 s | 10 min | 14 |" in text


def test_captures_come_with_their_command(capsys):
    for given in (["--captures", "out"], ["--captures-made-by", "minewatch evaluate y"]):
        with pytest.raises(SystemExit):
            make_recall.main(["out", "--made-by", "minewatch evaluate x", *given])
        assert "belong together" in capsys.readouterr().err


def test_every_own_kind_of_input_has_a_title():
    assert set(make_recall.OWN_TITLES) == {kind.value for kind in make_recall.InputKind}
