# SPDX-License-Identifier: Apache-2.0
import pytest

from minewatch.alerts.sinks.place import mark, options_of, revealed, secret, server_of
from minewatch.errors import ConfigError


def test_options_are_asked_for_by_name():
    options = options_of("a=1&b=x%20y&c=yes")
    assert options.number("a", 5, 0, 9) == 1
    assert options.number("z", 5, 0, 9) == 5
    assert options.text("b") == "x y"
    assert options.flag("c")
    assert not options.flag("d")
    options.finish()


@pytest.mark.parametrize("text", ["a", "a=1&", "a=1&a=2", "&"])
def test_options_written_otherwise(text):
    with pytest.raises(ConfigError):
        options_of(text)


@pytest.mark.parametrize("value", ["", "-1", "10", "1.5", "ten", "\u0661", "1e9" * 99])
def test_a_number_out_of_bounds(value):
    with pytest.raises(ConfigError, match="a whole number from 0 to 9"):
        options_of(f"a={value}").number("a", 5, 0, 9)


def test_an_option_that_nobody_knows():
    options = options_of("keep=1&kep=2")
    options.text("keep")
    with pytest.raises(ConfigError, match="kep: no such option of this sink; there are: keep"):
        options.finish()
    with pytest.raises(ConfigError, match="yes or no"):
        options_of("a=maybe").flag("a")


@pytest.mark.parametrize("place", ["a:0x50", "a:70000", "[::1", "a:-1"])
def test_a_port_that_is_none(place):
    with pytest.raises(ConfigError, match="port"):
        server_of(place, 1)


def test_an_address_may_lie_elsewhere(tmp_path, monkeypatch):
    monkeypatch.setenv("HOOK", "https://a.example/token\n")
    path = tmp_path / "hook"
    path.write_text("  https://b.example/token\n")
    assert revealed("env:HOOK") == "https://a.example/token"
    assert revealed(f"file:{path}") == "https://b.example/token"
    assert revealed("https://c.example/") == "https://c.example/"


@pytest.mark.parametrize("place", ["env:ABSENT", "env:", "file:/absent", "file:/", "env:EMPTY"])
def test_an_address_that_is_not_there(place, monkeypatch):
    monkeypatch.setenv("EMPTY", " ")
    with pytest.raises(ConfigError):
        revealed(place)


def test_a_secret_comes_from_the_environment_or_a_file(tmp_path, monkeypatch):
    monkeypatch.setenv("KEY", "s3cret")
    path = tmp_path / "key"
    path.write_bytes(b"other\n")
    assert secret(options_of("secret_env=KEY")) == b"s3cret"
    assert secret(options_of(f"secret_file={path}")) == b"other"
    assert secret(options_of("")) is None
    with pytest.raises(ConfigError, match="one of them"):
        secret(options_of(f"secret_env=KEY&secret_file={path}"))
    path.write_bytes(b"\xff")
    with pytest.raises(ConfigError, match="no UTF-8"):
        secret(options_of(f"secret_file={path}"))
    path.write_bytes(b"x" * 5_000)
    with pytest.raises(ConfigError, match="4,096"):
        secret(options_of(f"secret_file={path}"))


def test_a_mark_tells_two_apart():
    assert mark("/a") == mark("/a") != mark("/b")
    assert len(mark("/a")) == 8
