# SPDX-License-Identifier: Apache-2.0
import pytest
import sqlalchemy
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.schema import CreateTable

from minewatch.alerts.sinks.sql_tables import alerts, make, metadata, revisions, version_of


def test_tables_are_made_with_their_version():
    engine = sqlalchemy.create_engine("sqlite://")
    with engine.begin() as connection:
        assert version_of(connection) is None
        make(connection, 7)
        assert version_of(connection) == 7
        assert set(sqlalchemy.inspect(connection).get_table_names()) == set(metadata.tables)
    engine.dispose()


def test_both_have_the_same_columns_and_each_telling_is_unique():
    assert list(alerts.columns.keys()) == list(revisions.columns.keys())
    assert [column.name for column in revisions.primary_key] == ["id", "revision"]
    assert [column.name for column in alerts.primary_key] == ["id"]


@pytest.mark.parametrize("dialect", [sqlite.dialect(), postgresql.dialect()])
@pytest.mark.parametrize("table", metadata.sorted_tables, ids=lambda table: table.name)
def test_they_can_be_made_in_both(dialect, table):
    assert table.name in str(CreateTable(table).compile(dialect=dialect))
