# SPDX-License-Identifier: Apache-2.0
import pytest

from minewatch.errors import ConfigError
from minewatch.output.destination import Destination
from minewatch.output.writer import FORMATS, format_for, open_writer


@pytest.mark.parametrize(
    ("given", "path", "chosen"),
    [
        (None, None, "table"),
        (None, "a.JSONL", "jsonl"),
        (None, "a.ndjson", "jsonl"),
        (None, "a.txt", "table"),
        ("eve", "a.csv", "eve"),
    ],
)
def test_the_option_outranks_the_suffix(given, path, chosen):
    assert format_for(given, path, FORMATS, "table") == chosen


def test_a_suffix_of_a_format_that_is_not_offered_means_nothing():
    assert format_for(None, "a.jsonl", ("csv",), "csv") == "csv"
    with pytest.raises(ConfigError, match="--format jsonl: one of csv"):
        format_for("jsonl", None, ("csv",), "csv")


@pytest.mark.parametrize("format", FORMATS)
def test_every_format_has_a_writer_that_can_write_nothing(tmp_path, format):
    with Destination(str(tmp_path / "a")) as destination:
        open_writer(format, destination, ["signature"], 0.002).finish()
    assert (tmp_path / "a").exists()
