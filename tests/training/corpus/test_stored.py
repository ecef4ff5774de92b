# SPDX-License-Identifier: Apache-2.0
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from coin_corpus import corpus
from minewatch.errors import ConfigError
from minewatch.training.corpus import tables
from minewatch.training.corpus.stored import Corpus, joined, read_corpus


@pytest.fixture(scope="module")
def small():
    return corpus(pools=1, each=1)


def test_what_is_written_is_read(small, tmp_path):
    small.write(tmp_path / "a" / "b")
    again = read_corpus(tmp_path / "a" / "b")
    assert_frame_equal(again.conversations, small.conversations)
    assert_frame_equal(again.packets, small.packets)
    assert_frame_equal(again.decoded, small.decoded)


def test_writing_again_replaces(small, tmp_path):
    small.write(tmp_path)
    fewer = Corpus(small.conversations.head(1), small.packets.clear(), small.decoded.clear())
    fewer.write(tmp_path)
    assert read_corpus(tmp_path).conversations.height == 1


@pytest.mark.parametrize("name", [tables.CONVERSATIONS, tables.PACKETS, tables.DECODED])
def test_a_missing_or_damaged_table_is_named_with_its_cure(name, small, tmp_path):
    small.write(tmp_path)
    (tmp_path / name).write_bytes(b"PAR1 but no more")
    with pytest.raises(ConfigError, match=r"not a corpus .*; build it again"):
        read_corpus(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(ConfigError, match="not a corpus"):
        read_corpus(tmp_path)


def test_tables_of_other_columns_are_refused(small, tmp_path):
    small.write(tmp_path)
    small.packets.rename({"octets": "bytes"}).write_parquet(tmp_path / tables.PACKETS)
    with pytest.raises(ConfigError, match="of other columns"):
        read_corpus(tmp_path)
    small.packets.with_columns(pl.col("octets").cast(pl.Int64)).write_parquet(
        tmp_path / tables.PACKETS
    )
    with pytest.raises(ConfigError, match="of other columns"):
        read_corpus(tmp_path)


def test_joined_corpora_are_numbered_on(small):
    """Four conversations each (three kinds of miners and one other): 1 to 4, then 5 to 8."""
    other = Corpus(small.conversations, small.packets, small.decoded, ("bad.pcap",))
    both = joined([small, other])
    assert both.conversations["conversation"].to_list() == [1, 2, 3, 4, 5, 6, 7, 8]
    assert both.unreadable == ("bad.pcap",)
    seen = both.decoded["conversation"].to_list()
    n = small.decoded.height
    assert seen == [*seen[:n], *(number + 4 for number in seen[:n])]
    for number in (2, 6):
        packets = both.packets.filter(pl.col("conversation") == number).drop("conversation")
        assert_frame_equal(
            packets, small.packets.filter(pl.col("conversation") == 2).drop("conversation")
        )
    assert dict(both.packets.schema) == tables.PACKET
    assert dict(both.conversations.schema) == tables.LABELLED


def test_an_empty_corpus_takes_no_numbers(small):
    empty = Corpus(small.conversations.clear(), small.packets.clear(), small.decoded.clear())
    assert joined([empty, small]).conversations["conversation"].to_list() == [1, 2, 3, 4]
