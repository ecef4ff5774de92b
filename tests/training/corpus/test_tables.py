# SPDX-License-Identifier: Apache-2.0
from minewatch.decoders import StratumDecoder, TlsDecoder
from minewatch.schema import CONVERSATION, polars_schema
from minewatch.training.corpus import tables
from minewatch.training.labels import ATTRIBUTES


def test_a_labelled_conversation_is_a_conversation_and_what_is_true_of_it():
    names = list(tables.LABELLED)
    assert len(names) == len(set(names))
    for name, dtype in polars_schema(CONVERSATION).items():
        assert tables.LABELLED[name] == dtype
    assert set(ATTRIBUTES) < set(names)
    own = set(names) - set(polars_schema(CONVERSATION)) - set(ATTRIBUTES)
    assert own == {
        *("conversation", "gate_reason", "is_kept", "label", "source", "capture", "remote"),
        *("horizon_limit_s", "is_first_only"),
    }


def test_what_was_read_has_every_column_of_the_decoders():
    columns = {c.name for decoder in (StratumDecoder, TlsDecoder) for c in decoder.columns}
    assert set(tables.AT) == {"conversation", "horizon_s", *columns}
    assert set(tables.DECODED_COLUMNS) == columns


def test_tables_meet_by_the_number_of_the_conversation():
    kinds = {table["conversation"] for table in (tables.LABELLED, tables.PACKET, tables.AT)}
    assert len(kinds) == 1


def test_horizons_rise_and_are_not_the_whole():
    assert list(tables.HORIZONS_S) == sorted(set(tables.HORIZONS_S))
    assert min(tables.HORIZONS_S) > tables.WHOLE
    assert len({tables.CONVERSATIONS, tables.PACKETS, tables.DECODED}) == 3
