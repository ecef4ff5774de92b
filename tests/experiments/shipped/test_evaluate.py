# SPDX-License-Identifier: Apache-2.0
import json

import pytest

from minewatch.errors import ConfigError
from minewatch.experiments.shipped.evaluate import evaluate_shipped


def test_it_writes_the_report_and_the_data(labelled, measured, tmp_path):
    steps = []
    found = evaluate_shipped([str(labelled)], tmp_path / "new" / "out", steps.append)
    assert found == measured
    assert steps == [
        f"scanning {name}" for name in ("demo.pcap", "demo-aws.log", "hand.log", "zeek")
    ]
    data = json.loads((tmp_path / "new" / "out" / "shipped.json").read_text())
    assert data["kinds"]["packets"]["found"]["conversations"] == 2
    report = (tmp_path / "new" / "out" / "report.md").read_text()
    assert "| packets | 0.5 | 2 of 2: 100 % (34 to 100) | 0 of 32: 0 % (0 to 11) |" in report


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("hand.log\toffice\tskip\t", "no rule matches a conversation"),
        ("hand.log\toffice\tmining\t192.0.2.1", "no rule matches a conversation"),
        ("gone.log\toffice\tmining\t", "{folder}/gone.log: no such file; check the name, or give"),
    ],
)
def test_labels_of_nothing_are_refused(row, why, labelled, tmp_path):
    path = labelled.parent / "nothing.tsv"
    path.write_text(f"capture\tsource\tlabel\taddress\n{row}\n")
    with pytest.raises(ConfigError) as raised:
        evaluate_shipped([str(path)], tmp_path / "out")
    expected = f"{path}: nothing is labelled: {why.format(folder=labelled.parent)}"
    assert str(raised.value).startswith(expected)
    assert not (tmp_path / "out").exists()
