# SPDX-License-Identifier: Apache-2.0
import pytest

from minewatch.errors import ConfigError
from minewatch.output.community import community_ids
from minewatch.output.selection import parse_selection
from minewatch.testing import conversations

TABLE = conversations(
    3,
    source_transport_port=[40000, 40001, 40000],
    source_address_high=[0, 0, 0x2001_0DB8 << 32],
    source_address_low=[0xFFFF_0A00_0001, 0xFFFF_0A00_0001, 1],
).frame


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("10.0.0.1:40000-198.51.100.1:443", [0]),
        ("198.51.100.1:443 -> 10.0.0.1:40001", [1]),
        ("[2001:db8::1]:40000-198.51.100.1:443", [2]),
        ("10.0.0.1:40000-198.51.100.1:444", []),
        (community_ids(TABLE)[1], [1]),
    ],
)
def test_names_and_the_rows_that_they_mean(text, rows):
    assert parse_selection(text, None).rows(TABLE) == rows


def test_an_id_means_one_row():
    assert parse_selection(None, 3).rows(TABLE) == [2]


@pytest.mark.parametrize(
    "text",
    ["10.0.0.1", "a:1-b:2", "1:short=", "10.0.0.1:99999-10.0.0.2:1", "10.0.0.1:1", "2001:db8::1:1"],
)
def test_other_texts_are_refused_with_the_forms(text):
    with pytest.raises(ConfigError, match="give a Community ID, address:port-address:port, or"):
        parse_selection(text, None)


@pytest.mark.parametrize("flow_id", [0, -1, 1 << 63, 10**30])
def test_a_number_that_can_be_no_id_is_refused(flow_id):
    with pytest.raises(ConfigError, match=rf"--id {flow_id}: ids count from 1; minewatch scan"):
        parse_selection(None, flow_id)
