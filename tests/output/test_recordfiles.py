# SPDX-License-Identifier: Apache-2.0
"""Files of records in a folder."""

import numpy as np
import polars as pl
import pytest

from minewatch.errors import ConfigError
from minewatch.output import recordfiles
from minewatch.output.recordfiles import RecordFiles
from minewatch.records import new_records

NINE = 1_615_280_400_000_000_000
"""2021-03-09 09:00:00 UTC."""


def frame(records, names):
    assert names.servers == []
    return pl.DataFrame({"start": records["flow_start_nanoseconds"], "n": records["vlan_id"]})


def some(*starts, vlan=0):
    records = new_records(len(starts))
    records["flow_start_nanoseconds"] = starts
    records["vlan_id"] = vlan
    return records


def held(folder):
    return {path.name: pl.read_parquet(path)["start"].to_list() for path in folder.iterdir()}


def test_each_file_is_called_after_its_first_flow(tmp_path):
    folder = tmp_path / "a" / "b"
    with RecordFiles(str(folder), frame) as files:
        files.write(some(NINE + 5, NINE))
        files.write(some(NINE - 1))
        assert files.rotate() == str(folder / "flows-20210309T085959Z.parquet")
        files.write(some(NINE + 60 * 10**9))
    assert held(folder) == {
        "flows-20210309T085959Z.parquet": [NINE + 5, NINE, NINE - 1],
        "flows-20210309T090100Z.parquet": [NINE + 60 * 10**9],
    }


def test_no_file_is_written_over(tmp_path):
    with RecordFiles(str(tmp_path), frame) as files:
        for _ in range(3):
            files.write(some(NINE))
            files.rotate()
    assert sorted(held(tmp_path)) == [
        "flows-20210309T090000Z-2.parquet",
        "flows-20210309T090000Z-3.parquet",
        "flows-20210309T090000Z.parquet",
    ]


def test_nothing_came(tmp_path):
    with RecordFiles(str(tmp_path), frame) as files:
        files.write(new_records(0))
        assert files.rotate() is None
    assert list(tmp_path.iterdir()) == []


def test_rows_go_to_the_file_before_they_are_too_many(tmp_path, monkeypatch):
    monkeypatch.setattr(recordfiles, "ROWS", 10)
    sizes = []

    def counted(records, names):
        sizes.append(records.size)
        return frame(records, names)

    with RecordFiles(str(tmp_path), counted) as files:
        for i in range(25):
            files.write(some(NINE + i))
        (unfinished,) = tmp_path.iterdir()
        assert unfinished.name.startswith(".flows-")
        assert unfinished.name.endswith(".part")
    assert sizes == [10, 10, 5]
    (values,) = held(tmp_path).values()
    assert values == list(NINE + np.arange(25))


def test_an_error_leaves_no_file_that_is_not_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(recordfiles, "ROWS", 1)

    def give_up():
        with RecordFiles(str(tmp_path), frame) as files:
            files.write(some(NINE))
            files.rotate()
            files.write(some(NINE + 10**9))
            raise RuntimeError("the disk is full")

    with pytest.raises(RuntimeError, match="the disk is full"):
        give_up()
    assert list(held(tmp_path)) == ["flows-20210309T090000Z.parquet"]


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"-o .*/file: File exists; give a folder"):
        RecordFiles(str(tmp_path / "file"), frame)
    with pytest.raises(ConfigError, match=r"-o .*/file/a: Not a directory; give a folder"):
        RecordFiles(str(tmp_path / "file" / "a"), frame)


def test_files_say_what_they_are(tmp_path):
    with RecordFiles(str(tmp_path), frame, {"minewatch.records": "1"}) as files:
        files.write(some(NINE))
    (path,) = tmp_path.iterdir()
    assert pl.read_parquet_metadata(path)["minewatch.records"] == "1"
