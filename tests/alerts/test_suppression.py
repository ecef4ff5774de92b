# SPDX-License-Identifier: Apache-2.0
from datetime import UTC, datetime

import pytest

from minewatch.alert import Severity
from minewatch.alerts.grouping import AlertBook
from minewatch.alerts.suppression import read_suppressions, to_tell
from minewatch.errors import ConfigError, SourceError
from packets import START
from watched import finding

ENTRY = '[[suppress]]\nowner = "ops"\nreason = "known"\n'


def alert():
    book = AlertBook("test")
    book.add(finding())
    return book.tell(START)[0]


def written(tmp_path, text):
    path = tmp_path / "quiet.toml"
    path.write_text(text, encoding="utf-8")
    return read_suppressions(path)


def day_of(time_ns):
    return datetime.fromtimestamp(time_ns / 1e9, UTC).date().isoformat()


@pytest.mark.parametrize(
    ("subject", "is_told"),
    [
        ('host = "10.0.0.1"', False),
        ('pool = "203.0.113.9"', False),
        ('host = "10.0.0.1"\npool = "203.0.113.9"', False),
        ('host = "10.0.0.1"\npool = "203.0.113.8"', True),
        ('host = "10.0.0.2"', True),
        ('host = "::ffff:10.0.0.1"', False),
        ('alert = "ffffffff"', True),
        ('host = "10.0.0.1"\nmost = "low"', False),
    ],
)
def test_who_is_named_is_not_told(tmp_path, subject, is_told):
    entries = written(tmp_path, f"{ENTRY}until = 2999-01-01\n{subject}\n")
    assert bool(to_tell([alert()], entries)) is is_told


def test_an_alert_is_named_by_the_beginning_of_its_id(tmp_path):
    one = alert()
    entries = written(tmp_path, f'{ENTRY}until = 2999-01-01\nalert = "{one.id[:8].upper()}"\n')
    assert to_tell([one], entries) == []


def test_a_higher_severity_is_told(tmp_path):
    entries = written(tmp_path, f'{ENTRY}until = 2999-01-01\nhost = "10.0.0.1"\nmost = "low"\n')
    one = alert()
    assert one.severity is Severity.LOW
    book = AlertBook("test")
    book.add(finding(kinds=("shape", "list")))
    assert to_tell(book.tell(START), entries)


def test_it_holds_on_the_day_that_it_names_and_not_after(tmp_path):
    today = day_of(START)
    entries = written(tmp_path, f'{ENTRY}until = {today}\nhost = "10.0.0.1"\n')
    assert to_tell([alert()], entries) == []
    entries = written(tmp_path, f'{ENTRY}until = 1999-12-31\nhost = "10.0.0.1"\n')
    assert to_tell([alert()], entries) == [alert()]


@pytest.mark.parametrize(("after_s", "is_told"), [(0, True), (1, False)])
def test_it_holds_until_the_moment_that_it_names(tmp_path, after_s, is_told):
    until = datetime.fromtimestamp(START // 1_000_000_000 + after_s, UTC).isoformat()
    entries = written(tmp_path, f'{ENTRY}until = {until}\nhost = "10.0.0.1"\n')
    assert bool(to_tell([alert()], entries)) is is_told


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x = 1\n", "under"),
        ("suppress = 3\n", "under"),
        ("[[suppress]]\n", "add owner, reason, until"),
        (f"{ENTRY}until = 2999-01-01\n", "names nothing"),
        (f'{ENTRY}until = 2999-01-01\nhost = "x"\n', "write an address"),
        (f'{ENTRY}until = 2999-01-01\nalert = "{"a" * 7}"\n', "8 to 32 digits of an id"),
        (f'{ENTRY}until = 2999-01-01\nalert = "{"a" * 33}"\n', "8 to 32 digits of an id"),
        (f'{ENTRY}until = 2999-01-01\nalert = "eth0eth0"\n', "8 to 32 digits of an id"),
        (f'{ENTRY}until = "soon"\nhost = "10.0.0.1"\n', "is no time in UTC"),
        (f'{ENTRY}until = 2999-01-01T00:00:00\nhost = "10.0.0.1"\n', "is no time in UTC"),
        (f'{ENTRY}until = 2999-01-01\nhost = "10.0.0.1"\nmost = "huge"\n', "write one of low"),
        (f"{ENTRY}until = 2999-01-01\nhost = 7\n", "host is no text"),
        (f'{ENTRY}until = 2999-01-01\nhost = "10.0.0.1"\nports = 1\n', "unknown key 'ports'"),
        (f'{ENTRY}until = 9999-12-31\nhost = "10.0.0.1"\n', "is no time in UTC"),
        ("[[suppress]\n", "not TOML"),
        ("[[suppress]]\nowner = 'o'\n" * 1_001, "1,001 entries"),
        ("#" * ((1 << 20) + 1), "larger than"),
    ],
)
def test_mistakes_are_named(tmp_path, text, words):
    with pytest.raises(ConfigError, match=words):
        written(tmp_path, text)


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(SourceError, match="name a TOML file"):
        read_suppressions(tmp_path / "none.toml")
