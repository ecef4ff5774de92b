# SPDX-License-Identifier: Apache-2.0
import json

import pytest

from minewatch.datasets.build import build_dataset
from minewatch.datasets.card import CARD
from minewatch.datasets.stored import open_dataset
from minewatch.datasets.tables import conversation_schema, packet_schema
from minewatch.errors import ConfigError, SourceError


def test_tables_have_their_columns(dataset):
    stored = open_dataset(dataset)
    assert dict(stored.conversations().schema) == conversation_schema()
    assert dict(stored.packets().collect_schema()) == packet_schema()


def test_a_dataset_without_packets(tmp_path, run_folder):
    build_dataset([run_folder], tmp_path / "bare")
    stored = open_dataset(str(tmp_path / "bare"))
    assert not stored.has_packets
    with pytest.raises(ConfigError, match="build it with --packets"):
        stored.packets()


def test_another_schema_version_is_refused(dataset):
    card = json.loads((dataset / CARD).read_text())
    (dataset / CARD).write_text(json.dumps(card | {"schema_version": 99}))
    with pytest.raises(ConfigError, match="of schema version 99, this minewatch has"):
        open_dataset(dataset)


def test_a_table_that_is_gone(dataset):
    (dataset / "conversations.parquet").unlink()
    with pytest.raises(SourceError, match="no such file"):
        open_dataset(dataset).conversations()
