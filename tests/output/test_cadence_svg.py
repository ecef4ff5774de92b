# SPDX-License-Identifier: Apache-2.0
import re
from xml.etree import ElementTree

import numpy as np
import pytest

from minewatch.output.cadence import cadence_of
from minewatch.output.cadence_svg import WIDTH, cadence_svg, titles
from minewatch.output.subject import Subject
from minewatch.schema import FLOW, polars_schema
from minewatch.testing import conversations
from minewatch.types import PacketSeries

NS = 10**9
START = 1_600_000_000 * NS
SVG = "{http://www.w3.org/2000/svg}"


def packets(n=20, n_first=20):
    times = START + np.arange(n) * 30 * NS
    sizes = np.where(np.arange(n) % 3 == 2, 400, 100)
    return PacketSeries(times, sizes, np.arange(n) % 3 != 2, n_first)


@pytest.fixture
def drawn(verdict):
    def build(series=None, intervals=None, capture="a.pcap", **columns):
        frame = conversations(**columns).frame
        subject = Subject(frame, verdict(), capture, intervals, series)
        text = cadence_svg(cadence_of(subject), *titles(subject))
        return text, ElementTree.fromstring(text)

    return build


def texts(tree):
    return [element.text for element in tree.iter(f"{SVG}text")]


def bars(tree, kind):
    found = [one for one in tree.iter(f"{SVG}rect") if one.get("class") == kind]
    return [{k: float(v) for k, v in one.attrib.items() if k != "class"} for one in found]


def test_the_labels_say_what_is_drawn(drawn):
    _, tree = drawn(packets())
    shown = texts(tree)
    assert shown[0] == "10.0.0.1:40000 → 198.51.100.1:443"
    assert shown[1].startswith("mining, probability 0.900; 2020-09-13 12:26:40 UTC for 10 min 0 s")
    for label in ("client asks", "server pushes", "14 messages", "6 messages", "0 s", "10 min"):
        assert label in shown, label
    assert "Each mark is one message; the higher, the larger, up to 400 octets." in shown


def test_every_message_is_one_mark_at_its_time_and_as_high_as_large(drawn):
    _, tree = drawn(packets())
    marks = [one for one in bars(tree, "pushes") if one["height"] > 18]
    assert len(marks) == 6
    assert {one["height"] for one in marks} == {54.0}
    assert [round(one["x"]) for one in marks[:2]] == [
        150 + round(780 * 0.1),
        150 + round(780 * 0.25),
    ]
    asks = [one["height"] for one in bars(tree, "asks") if one["height"] != 18]
    assert set(asks) == {29.0}


def test_nothing_leaves_the_picture(drawn):
    _, tree = drawn(packets())
    for kind in ("asks", "answers", "pushes"):
        for one in bars(tree, kind):
            assert 0 <= one["x"] <= one["x"] + one["width"] <= WIDTH
            assert one["y"] + one["height"] <= float(tree.get("height"))


def test_flow_records_are_bars(drawn):
    starts = [START + i * 60 * NS for i in range(10)]
    ends = [start + 30 * NS for start in starts]
    frame = conversations(10, flow_start_nanoseconds=starts, flow_end_nanoseconds=ends).frame
    _, tree = drawn(intervals=frame.select(list(polars_schema(FLOW))))
    assert "Each mark is one flow record; the higher, the larger, up to 14,000 octets." in texts(
        tree
    )
    assert len(bars(tree, "asks")) == len(bars(tree, "pushes")) == 10
    assert bars(tree, "asks")[0]["width"] == pytest.approx(780 * 30 / 600 - 1)


def test_what_was_not_kept_is_shaded(drawn):
    _, tree = drawn(packets(4, n_first=2), payload_packet_count=100)
    assert len(bars(tree, "unseen")) == 1
    assert "not kept" in texts(tree)
    _, tree = drawn(packets(4, n_first=4), payload_packet_count=100)
    assert bars(tree, "unseen") == []


def test_it_needs_nothing_else_and_knows_light_and_dark(drawn):
    text, _ = drawn(packets())
    assert "prefers-color-scheme: dark" in text
    without_namespace = text.replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"https?:|href|url\(|<script|<image|@import", without_namespace)


def test_names_from_outside_cannot_become_markup(drawn):
    text, tree = drawn(packets(), capture='<script>alert("x")</script>\x1b&.pcap')
    assert '<script>alert("x")</script>?&.pcap' in texts(tree)[1]
    assert "<script" not in text
