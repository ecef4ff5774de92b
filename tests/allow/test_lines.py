# SPDX-License-Identifier: Apache-2.0
import pytest

from minewatch.allow.lines import Lines
from minewatch.errors import ConfigError

TEXT = b"""top = 1
[tags] # head
"a b" = 2
c-d = [
  "x = 1",
]
[[allow]]
host = 3
[[ allow ]]
host = 4
"""


def test_heads_and_keys_are_found():
    lines = Lines("a.toml", TEXT)
    assert lines.data["allow"] == [{"host": 3}, {"host": 4}]
    assert lines.heads("allow") == [7, 9]
    assert [lines.below(head, "host") for head in (7, 9)] == [8, 10]
    assert (lines.find("a b", "tags"), lines.find("c-d", "tags")) == (3, 4)
    assert (lines.find("tags"), lines.find("top")) == (2, 1)


def test_what_is_not_to_be_seen_stands_at_its_head():
    lines = Lines("a.toml", TEXT)
    assert lines.below(7, "gone") == 7
    assert lines.find("gone", "tags") == 2
    assert lines.find("gone") == 1


def test_errors_name_file_and_line():
    assert str(Lines("a.toml", TEXT).error(3, "no")) == "a.toml:3: no"


@pytest.mark.parametrize(
    ("octets", "text"),
    [
        (b"a = 1\nb = \xff", "a.toml:2: not UTF-8; save"),
        (b"a = 1\nb", "a.toml:2: not TOML: "),
        (b"a = 1\nb = '''\n'''", "a.toml:2: write texts on one line"),
        (b"a = " + b"[" * 5000, "a.toml:1: not TOML: "),
    ],
)
def test_what_cannot_be_read(octets, text):
    with pytest.raises(ConfigError, match=text):
        Lines("a.toml", octets)


def test_a_byte_order_mark_and_windows_line_ends_do_no_harm():
    assert Lines("a.toml", b"\xef\xbb\xbf[allow]\r\nhost = 1\r\n").find("host", "allow") == 2
