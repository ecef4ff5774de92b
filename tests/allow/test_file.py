# SPDX-License-Identifier: Apache-2.0
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from minewatch.address import halves_of
from minewatch.allow import file as known_file
from minewatch.allow.entries import Ends
from minewatch.allow.file import read_known
from minewatch.errors import ConfigError, SourceError

COMMON = 'owner = "ops"\nreason = "course"\nexpires = 2027-01-31\n'
WHOLE = f"""# what is known
[tags]
lab = ["10.77.0.0/16", "2001:db8::/32"]

[transit]
"office VPN" = ["198.51.100.7/32"]

[[allow]]
host = "10.0.0.5"
pool = "203.0.113.7:3333"
{COMMON}
[[allow]] # by tag
tag = "lab"
{COMMON}"""


@pytest.fixture
def read(tmp_path):
    def run(text):
        path = tmp_path / "known.toml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_known(path)

    return run


def test_a_whole_file(read, tmp_path):
    known = read(WHOLE)
    first, second = known.entries
    assert (first.owner, first.reason, first.expires) == ("ops", "course", "2027-01-31")
    assert first.place == f"{tmp_path}/known.toml:8"
    assert first.host == halves_of("10.0.0.5")
    assert (first.pool_address, first.pool_port) == (halves_of("203.0.113.7"), 3333)
    assert first.expires_ns == int(datetime(2027, 2, 1, tzinfo=UTC).timestamp()) * 10**9
    assert second.tag == "lab"
    assert known.tags.names(*halves_of("10.77.1.1")) == ("lab",)
    assert known.transit.names(*halves_of("198.51.100.7")) == ("office VPN",)


def test_an_empty_file_knows_nothing(read):
    known = read("")
    assert (known.entries, bool(known.tags), bool(known.transit)) == ((), False, False)


@pytest.mark.parametrize(
    ("text", "address", "name", "port"),
    [
        ("203.0.113.7", "203.0.113.7", None, None),
        ("203.0.113.7:3333", "203.0.113.7", None, 3333),
        ("2001:db8::7", "2001:db8::7", None, None),
        ("[2001:db8::7]:443", "2001:db8::7", None, 443),
        ("Pool.Example.", None, "pool.example", None),
        ("pool.example:443", None, "pool.example", 443),
    ],
)
def test_forms_of_a_pool(read, text, address, name, port):
    (entry,) = read(f'[[allow]]\npool = "{text}"\n{COMMON}').entries
    assert entry.pool_address == (halves_of(address) if address else None)
    assert (entry.pool_name, entry.pool_port) == (name, port)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2027-01-31", "2027-02-01T00:00:00+00:00"),
        ('"2027-01-31"', "2027-02-01T00:00:00+00:00"),
        ("2027-01-31T12:00:00+01:00", "2027-01-31T11:00:00+00:00"),
    ],
)
def test_forms_of_an_end(read, text, moment):
    body = COMMON.replace("2027-01-31", text)
    (entry,) = read(f'[[allow]]\nhost = "10.0.0.1"\n{body}').entries
    assert entry.expires_ns == int(datetime.fromisoformat(moment).timestamp()) * 10**9


def test_networks_are_of_the_near_end(read):
    (entry,) = read(f'[[allow]]\nnetwork = "10.9.0.0/16"\n{COMMON}').entries
    inside, outside = halves_of("10.9.1.1"), halves_of("10.8.0.1")
    assert entry.is_met(Ends(inside, outside, 1))
    assert not entry.is_met(Ends(outside, inside, 1))


def entry(*lines):
    return "[[allow]]\n" + "\n".join(lines) + "\n" + COMMON


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("allowed = 1\n", 1, "unknown key 'allowed'; known are [[allow]], [tags] and [transit]"),
        ("x = 1\n[wrong]\na = 1", 1, "unknown key 'x'"),
        ("# a\n[wrong]\na = 1", 2, "unknown key 'wrong'"),
        (entry('host = "10.0.0.1"', 'port = "1"'), 3, "unknown key 'port'; known: host, pool"),
        (entry('host = "10.0.0.300"'), 2, "does not appear to be an IPv4 or IPv6 address; write"),
        (entry('host = "10.0.0.0/8"'), 2, "and a range under network"),
        (entry("host = 7"), 2, "host is no text; write it in quotes"),
        (entry('host = ""'), 2, "host is no text"),
        (entry('host = "10.0.0.1\\u001b"'), 2, "not printable"),
        (entry(f'tag = "{"x" * 201}"'), 2, "more than 200 characters"),
        (entry('network = "10.0.0.1/8"'), 2, "10.0.0.1/8 has host bits set; write networks as"),
        (entry('pool = "203.0.113.7:99999"'), 2, "port 99999: 1 to 65535"),
        (entry('pool = "203.0.113.300"'), 2, "is no address and no name; write"),
        (entry('pool = "a b"'), 2, "'a b' is no address and no name"),
        (entry('tag = "lab"'), 2, "no tag 'lab'; add it to [tags]"),
        (entry(), 1, "the allowance names nothing; add one of host, pool, network, tag"),
        ('\n[[allow]]\nhost = "10.0.0.1"\n', 2, 'has no owner; add owner = "who answers for it"'),
        (
            '[[allow]]\nhost = "10.0.0.1"\nowner = "a"\nreason = "b"\n',
            1,
            "has no expires; add expires = 2027-03-31",
        ),
        (
            entry('host = "10.0.0.1"').replace("2027-01-31", '"31.1.2027"'),
            5,
            "expires '31.1.2027' is no ISO date; write expires = 2027-03-31",
        ),
        (entry('host = "10.0.0.1"').replace("2027-01-31", "2027-01-31T12:00:00"), 5, "no offset"),
        (entry('host = "10.0.0.1"').replace("2027-01-31", "2027"), 5, "expires '2027' is no ISO"),
        ('allow = [{host = "10.0.0.1"}]', 1, "write each allowance under [[allow]]"),
        ("allow = 1", 1, "write each allowance under [[allow]]"),
        ("tags = 1", 1, "tags is no table; write [tags] and below it"),
        ('[tags]\n\nlab = "10.0.0.0/8"', 3, "'lab' is no list of networks"),
        ('[tags]\nlab = ["10.0.0/8"]', 2, "write networks as 10.0.0.0/8"),
        ('[tags]\nall = ["0.0.0.0/0"]', 2, "0.0.0.0/0 is every address; name the network"),
        (entry('network = "::/0"'), 2, "::/0 is every address; name the network"),
        ('# a\n\ntags.lab = ["no"]', 3, "'no' does not appear to be"),
        ("# a\n[tags.lab]\nb = 1", 2, "'lab' is no list of networks"),
        *(
            (entry('host = "10.0.0.1"').replace("2027-01-31", end), 5, "is no time in UTC; write")
            for end in ("9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+12:00")
        ),
        (entry('host = "10.0.0.1"').replace("2027-01-31", "9" * 5000), 5, "not TOML: Exceeds the"),
        ("[transit]\nvpn = []", 2, "'vpn' is no list of networks"),
        ('[tags]\ntransit = ["10.0.0.0/8"]', 2, "the tag 'transit' is made from [transit]"),
        ("[[allow]\n", 1, "not TOML: "),
        ('[[allow]]\nreason = """a\n"""', 2, "write texts on one line"),
        (b"# \xff", 1, "not UTF-8; save the file as UTF-8"),
    ],
)
def test_what_is_wrong_is_named_with_file_line_and_cure(read, tmp_path, text, line, words):
    with pytest.raises(ConfigError) as raised:
        read(text)
    assert str(raised.value).startswith(f"{tmp_path}/known.toml:{line}: ")
    assert words in str(raised.value)
    assert "\n" not in str(raised.value)


def test_the_second_entry_is_named_by_its_own_line(read):
    with pytest.raises(ConfigError, match=r"known\.toml:7: .*10\.0\.0\.x"):
        read(entry('host = "10.0.0.1"') + "[[allow]]\n" + 'host = "10.0.0.x"\n' + COMMON)


def test_sizes_are_bounded(read, monkeypatch):
    for name, text in (
        ("MAX_OCTETS", "#" * 20),
        ("MAX_ENTRIES", entry('host = "10.0.0.1"') * 2),
        ("MAX_NAMES", '[tags]\na = ["10.0.0.0/8"]\nb = ["10.0.0.0/8"]'),
        ("MAX_NETWORKS", '[tags]\na = ["10.0.0.0/8", "10.0.0.0/8"]'),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(known_file, name, 1)
            with pytest.raises(ConfigError, match=r"at most|larger than"):
                read(text)


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(SourceError, match=r"gone\.toml: No such file or directory; name a TOML"):
        read_known(tmp_path / "gone.toml")


def test_the_example_in_the_documents_can_be_read(read):
    page = Path(__file__).parents[2] / "docs" / "how-to" / "allow-what-is-known.md"
    (text,) = re.findall(r"```toml\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    known = read(text)
    assert [entry.owner for entry in known.entries] == ["research computing", "security lab"]
    assert known.transit.names(*halves_of("10.0.0.1")) == ("branch NAT",)
