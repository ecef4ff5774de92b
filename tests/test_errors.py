# SPDX-License-Identifier: Apache-2.0
import pytest

from minewatch import errors


def test_a_source_error_names_the_file_the_place_and_the_cure():
    error = errors.SourceError("a.pcap", "cut within a record; capture again", offset=24)
    assert str(error) == "a.pcap: offset 24: cut within a record; capture again"
    assert (error.path, error.reason, error.offset) == (
        "a.pcap",
        "cut within a record; capture again",
        24,
    )


def test_the_very_beginning_is_an_offset():
    assert str(errors.SourceError("a.pcap", "no capture", 0)) == "a.pcap: offset 0: no capture"


def test_without_an_offset_none_is_made_up():
    assert str(errors.SourceError("a.pcap", "no such file")) == "a.pcap: no such file"


@pytest.mark.parametrize("name", ["SourceError", "SchemaError", "ConfigError", "ModelError"])
def test_one_class_catches_all(name):
    assert issubclass(getattr(errors, name), errors.MinewatchError)
    assert name in (errors.__doc__ or "")
