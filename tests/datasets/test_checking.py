# SPDX-License-Identifier: Apache-2.0
import shutil

import pytest

from minewatch.datasets.agreement import decoded_names
from minewatch.datasets.checking import check_capture, labelled_captures, labels_file
from minewatch.datasets.labelling import InspectionOptions
from minewatch.errors import ConfigError
from minewatch.readers.finding import find_inputs


def check(run_folder, name="web-1"):
    captures = labelled_captures(run_folder)
    (source,), _ = find_inputs([str(run_folder / "captures" / f"{name}.pcap")])
    report, pairs = check_capture(source, captures, InspectionOptions(), decoded_names())
    return report, list(pairs)


def test_a_run_is_checked(run_folder):
    report, ((read, built),) = check(run_folder)
    assert report.input.conversations == len(read) == built.height == 5
    outcomes = dict(zip(read.frame["source_transport_port"], built["outcome"], strict=True))
    assert outcomes == {
        41_000: "right",
        41_001: "hidden",
        33_000: "right",
        33_001: "right",
        50_001: "right",
    }


def test_a_folder_without_labels(tmp_path):
    with pytest.raises(ConfigError, match=r"no labels\.tsv in this folder"):
        labels_file(tmp_path)
    assert labels_file(tmp_path / "gone.tsv") == tmp_path / "gone.tsv"


def test_a_capture_of_the_run_without_labels(run_folder):
    shutil.copy(run_folder / "captures" / "web-1.pcap", run_folder / "captures" / "web-9.pcap")
    with pytest.raises(ConfigError, match=r"web-9\.pcap: .*no rule for this capture"):
        labelled_captures(run_folder)
    assert len(labelled_captures(run_folder / "labels.tsv")) == 2


def test_one_capture_under_two_names(run_folder):
    labels = run_folder / "labels.tsv"
    labels.write_text(labels.read_text() + "./captures/../captures/web-1.pcap\tlab\tnormal\n")
    with pytest.raises(ConfigError, match="are one capture"):
        labelled_captures(run_folder)


def test_a_capture_that_the_labels_do_not_name(run_folder, tmp_path):
    stray = shutil.copy(run_folder / "captures" / "web-1.pcap", tmp_path / "stray.pcap")
    (source,), _ = find_inputs([str(stray)])
    with pytest.raises(ConfigError, match=r"stray\.pcap: the labels do not name"):
        check_capture(source, labelled_captures(run_folder), InspectionOptions(), {})
