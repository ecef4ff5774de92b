# SPDX-License-Identifier: Apache-2.0
import re
from dataclasses import replace

import pytest

from made_up_alerts import ALL, HOSTILE, NASTY, PLAIN
from minewatch.alerts.forms.cef import message
from minewatch.alerts.forms.clean import printable


def parsed(text):
    """Header and extension, as the standard says that they are read."""
    parts = re.split(r"(?<!\\)(?:\\\\)*\|", text, maxsplit=7)
    header = [part.replace("\\|", "|").replace("\\\\", "\\") for part in parts[:7]]
    keys = list(re.finditer(r"(?:^| )([A-Za-z0-9]+)(?<!\\)=", parts[7]))
    ends = [key.start() for key in keys[1:]] + [len(parts[7])]
    extension = {
        key[1]: parts[7][key.end() : end].replace("\\=", "=").replace("\\\\", "\\")
        for key, end in zip(keys, ends, strict=True)
    }
    assert len(extension) == len(keys)
    return header, extension


def test_a_plain_alert():
    header, extension = parsed(message(PLAIN))
    assert header[:3] == ["CEF:0", "minewatch", "minewatch"]
    assert header[4:] == ["cryptomining", "10.0.0.5 mines at pool.example (203.0.113.9:443)", "9"]
    assert extension["msg"].startswith("10.0.0.5 mines at pool.example")
    del extension["msg"]
    assert extension == {
        "rt": "1700000091123",
        "start": "1700000000123",
        "end": "1700000090123",
        "src": "10.0.0.5",
        "dst": "203.0.113.9",
        "dpt": "443",
        "dhost": "pool.example",
        "proto": "TCP",
        "cnt": "2",
        "externalId": PLAIN.id,
        "act": "new",
        "cat": "T1496.001",
        "deviceDirection": "1",
        "deviceExternalId": "eth0",
        "cfp1": "0.987123",
        "cfp1Label": "Mining probability",
        "cn1": "1",
        "cn1Label": "Revision",
        "cs1": PLAIN.community_ids[-1],
        "cs1Label": "Community ID",
        "cs2": "rx/0",
        "cs2Label": "Algorithm",
        "cs3": "build server",
        "cs3Label": "Tags",
    }


@pytest.mark.parametrize("alert", ALL)
def test_nothing_breaks_out_of_its_field(alert):
    text = message(alert)
    assert text.isprintable()
    header, extension = parsed(text)
    assert len(header) == 7
    assert set(extension) <= set(parsed(message(PLAIN))[1]) | {
        *("c6a2", "c6a2Label", "c6a3", "c6a3Label", "cs4", "cs4Label"),
    }


def test_hostile_text_is_read_back_as_it_was_printable():
    header, extension = parsed(message(HOSTILE))
    assert extension["dhost"] == printable(NASTY)
    assert extension["cs4"] == printable(NASTY)
    assert extension["cs2"] == printable(NASTY)
    assert header[6] == "1"


def test_no_name_adds_a_field():
    forged = replace(PLAIN, pool_name="x dst=192.0.2.1 act=ended", source="y|9|src=192.0.2.2")
    text = message(forged)
    assert "dhost=x dst\\=192.0.2.1 act\\=ended " in text
    extension = parsed(text)[1]
    assert (extension["dst"], extension["act"]) == ("203.0.113.9", "new")
    assert extension["dhost"] == forged.pool_name
    assert extension["deviceExternalId"] == forged.source


def test_only_ipv4_stands_in_src_and_dst():
    extension = parsed(message(HOSTILE))[1]
    assert (extension["c6a2"], extension["c6a3"]) == ("2001:db8::5", "2001:db8::9")
    assert not {"src", "dst"} & extension.keys()
    nameless = replace(PLAIN, host="a=b|c", pool="p", pool_name=None)
    extension = parsed(message(nameless))[1]
    assert (extension["shost"], extension["dhost"]) == ("a=b|c", "p")
