# SPDX-License-Identifier: Apache-2.0
import json
from dataclasses import replace

import polars as pl
import pytest

from minewatch.datasets.card import CARD, read_card, write_card
from minewatch.datasets.folders import stored_file
from minewatch.datasets.verify import problems


def test_a_dataset_is_as_its_card_says(dataset):
    assert problems(dataset) == []


def test_no_dataset(tmp_path):
    (problem,) = problems(tmp_path)
    assert "this is no dataset" in problem


def test_a_changed_octet_is_found(dataset):
    path = dataset / "conversations.parquet"
    octets = bytearray(path.read_bytes())
    octets[len(octets) // 2] ^= 1
    path.write_bytes(octets)
    (problem,) = problems(dataset)
    assert problem.startswith("conversations.parquet: SHA-256 is ")


def test_files_that_are_missing_longer_linked_or_strange(dataset, tmp_path):
    (dataset / "README.md").write_text("short")
    (dataset / "extra.parquet").touch()
    (dataset / "extra.txt").touch()
    (dataset / "folder").mkdir()
    packets = (dataset / "packets.parquet").rename(tmp_path / "packets.parquet")
    (dataset / "packets.parquet").symlink_to(packets)
    found = problems(dataset)
    assert [problem.partition(":")[0] for problem in found] == [
        "packets.parquet",
        "README.md",
        "extra.parquet",
        "extra.txt",
        "folder",
    ]
    assert "missing, or not a plain file" in found[0]
    assert "5 octets, the card says" in found[1]
    assert all("the card does not list it" in problem for problem in found[2:])


def sealed(dataset, name, frame, rows=None, **members):
    """Replace a table, and let the card vouch for it."""
    frame.write_parquet(dataset / name)
    card = read_card(dataset)
    file = stored_file(dataset / name, frame.height if rows is None else rows)
    files = tuple(file if one.name == name else one for one in card.files)
    write_card(replace(card, files=files, **members), dataset)
    return problems(dataset)


@pytest.fixture
def frame(dataset):
    return pl.read_parquet(dataset / "conversations.parquet")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"label": pl.lit("benign")}, "a label is neither mining nor normal (9 times)"),
        ({"host": pl.lit(None, pl.String)}, "a value of host is missing (9 times)"),
        (
            {"conversation": pl.lit(1, pl.UInt64)},
            "a conversation's number is not its own (8 times)",
        ),
        ({"flow_end_nanoseconds": pl.lit(0, pl.Int64)}, "a conversation ends before it starts"),
        ({"inspection": pl.lit("maybe")}, "an inspection has no known verdict"),
        (
            {
                "packet_delta_count": pl.lit(0, pl.Int64),
                "reverse_packet_delta_count": pl.lit(0, pl.Int64),
            },
            "a conversation has no packets",
        ),
        ({"service": pl.lit("other")}, "the composition by service is not that of the table"),
    ],
)
def test_values_that_no_dataset_has(dataset, frame, change, message):
    found = sealed(dataset, "conversations.parquet", frame.with_columns(**change))
    assert any(message in problem for problem in found), found


def test_a_composition_that_is_not_that_of_the_table(dataset):
    card = read_card(dataset)
    parts = {name: counts for name, counts in card.composition.items() if name != "coin"}
    parts |= {"weather": {"rain": 1}, "label": {"mining": 5, "normal": 4}}
    write_card(replace(card, composition=parts), dataset)
    assert problems(dataset) == [
        f"card.json: the composition by {name} is not that of the table"
        for name in ("coin", "label", "weather")
    ]


def test_rows_and_columns_that_the_card_does_not_know(dataset, frame):
    found = sealed(dataset, "conversations.parquet", frame, rows=7)
    assert "conversations.parquet: 9 rows, the card says 7" in found
    found = sealed(dataset, "conversations.parquet", frame.drop("label"))
    assert "label is missing" in found[0]


def test_packets_of_nobody(dataset):
    packets = pl.read_parquet(dataset / "packets.parquet")
    strange = packets.with_columns(
        conversation=pl.lit(99, pl.UInt64), payload_octets=pl.lit(0, pl.Int64)
    )
    found = sealed(dataset, "packets.parquet", strange)
    assert f"packets.parquet: {packets.height:,} packets of no conversation" in found
    assert f"packets.parquet: {packets.height:,} packets without a size" in found


def test_a_card_that_leads_out_of_the_folder(dataset):
    card = json.loads((dataset / CARD).read_text())
    card["files"][0]["name"] = "../../etc/passwd"
    (dataset / CARD).write_text(json.dumps(card))
    (problem,) = problems(dataset)
    assert "no path" in problem
