# SPDX-License-Identifier: Apache-2.0
import re
from dataclasses import replace

import pytest

from made_up_alerts import ALL, ENDED, HOSTILE, NASTY, PLAIN
from minewatch.alert import Severity
from minewatch.alerts.forms.clean import printable
from minewatch.alerts.forms.syslog import FACILITIES, frame

# The grammar of RFC 5424, section 6, as far as we use it.
VALUE = r'(?:[^"\\\]]|\\["\\\]])*'
GRAMMAR = re.compile(
    r"<(?P<pri>\d{1,3})>1 (?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{1,6}Z) "
    r"(?P<host>[!-~]{1,255}) (?P<app>[!-~]{1,48}) (?P<proc>[!-~]{1,128}) (?P<id>[!-~]{1,32}) "
    rf'\[(?P<sd>[!#-<>-\\^-~]{{1,32}}(?: [a-z_]{{1,32}}="{VALUE}")*)\] (?P<text>.*)'
)


def parsed(data):
    found = GRAMMAR.fullmatch(data.decode("utf-8"))
    assert found
    pairs = re.findall(rf'([a-z_]+)="({VALUE})"', found["sd"])
    return found, {key: re.sub(r"\\(.)", r"\1", value) for key, value in pairs}


def test_a_plain_alert():
    found, values = parsed(frame(PLAIN, "hello", FACILITIES["local4"], "sensor"))
    assert int(found["pri"]) == 20 * 8 + 2
    assert found["time"] == "2023-11-14T22:14:51.123456Z"
    assert found.group("host", "app", "proc", "id") == ("sensor", "minewatch", "-", "NEW")
    assert found["text"] == "hello"
    assert values == {
        "id": PLAIN.id,
        "revision": "1",
        "severity": "high",
        "host": "10.0.0.5",
        "pool": "203.0.113.9",
        "port": "443",
        "name": "pool.example",
        "probability": "0.987123",
    }


@pytest.mark.parametrize("alert", ALL)
def test_every_alert_fits_the_grammar(alert):
    parsed(frame(alert, "text", 10, "sensor"))


def test_hostile_text_stays_in_its_value():
    found, values = parsed(frame(HOSTILE, "text", 10, "a b\nc\udcff"))
    assert values["name"] == printable(NASTY)
    assert values["allowed_by"] == printable(NASTY)
    assert found["host"] == "a_b_c_"
    assert parsed(frame(PLAIN, "x", 10, ""))[0]["host"] == "-"


def test_text_beyond_ascii_has_the_mark():
    assert frame(PLAIN, "Büro", 10, "s").endswith("\ufeffBüro".encode())
    assert frame(PLAIN, "\udcff", 10, "s").endswith(b"\\udcff")


def test_severities():
    def severity(alert):
        return int(parsed(frame(alert, "x", 10, "s"))[0]["pri"]) % 8

    assert [severity(replace(PLAIN, severity=s)) for s in Severity] == [5, 4, 2]
    assert severity(replace(ENDED, severity=Severity.HIGH)) == 5


def test_facilities_are_those_of_the_rfc():
    assert (FACILITIES["auth"], FACILITIES["authpriv"], FACILITIES["local7"]) == (4, 10, 23)
