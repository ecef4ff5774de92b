# SPDX-License-Identifier: Apache-2.0
import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minewatch.decoders import jsonlines
from minewatch.decoders.jsonlines import json_messages, json_values
from minewatch.decoders.stream import Chunk

LINE = '{"id":1,"method":"login","params":{"login":"4AA","pass":"x"}}\n'


def values(text):
    return [value for _, value, _ in json_values(text)]


@pytest.mark.parametrize("between", ["\n", "", "\r\n", "\n\n  "])
def test_messages_follow_each_other(between):
    text = between.join(['{"id": 1}', '{"id": 2, "a": [{"b": "}\\n{"}]}', '{"id": 3}'])
    assert [value["id"] for value in values(text)] == [1, 2, 3]


def test_pretty_printed():
    whole = [{"id": 1, "params": [{"a": {}}, []]}, {"id": 2}]
    assert values("\n".join(json.dumps(value, indent=4) for value in whole)) == whole


def test_a_batch_is_taken_apart():
    assert values('[{"id": 1}, 7, {"id": 2}]\n') == [{"id": 1}, {"id": 2}]


@pytest.mark.parametrize("begin", range(1, len(LINE)))
def test_a_start_in_the_middle_skips_to_the_next_message(begin):
    found = values(LINE[begin:] + LINE)
    # The inner object of the broken line may be read, never taken for the whole.
    assert found[-1] == json.loads(LINE)
    assert len(found) <= 2


@pytest.mark.parametrize(
    "greeting",
    [
        "\x05\x01\x00",
        "\x05\x01\x00\x05\x01\x00\x01\x0a\x63\x01\x01\x0d\x05",
        "\x04\x01\x0d\x05\x0a\x63\x01\x01user\x00",
        "CONNECT pool.example:3333 HTTP/1.1\r\nHost: pool.example\r\n\r\n",
        "HTTP/1.1 200 Connection established\r\n\r\n",
        "PROXY TCP4 10.0.0.1 10.0.0.2 1000 3333\r\n",
    ],
)
def test_a_proxy_may_greet_first(greeting):
    assert values(greeting + LINE) == [json.loads(LINE)]


@pytest.mark.parametrize(
    "text",
    [
        "D\x00\x00\x00\x60\x00\x01\x00\x00" + LINE + LINE,  # a row of PostgreSQL
        "*3\r\n$7\r\nmessage\r\n$3\r\njob\r\n$62\r\n" + LINE,  # Redis
        "2024-01-01 12:00:00 " + LINE,  # a log
        "<html><pre>\n" + LINE + "</pre>",
        "",
        "7\n8\n",
    ],
)
def test_json_inside_another_protocol_is_not_read(text):
    assert values(text) == []


def test_reading_stops_where_something_else_follows():
    assert values(LINE + "$62\r\n" + LINE) == [json.loads(LINE)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"id": 1, "method": "login", "params": {"login": "4AA', {"login": "4AA"}),
        ('{"id": 1, "method": "login", "params": {"login": "4AA", "pa', {"login": "4AA"}),
        ('{"id": 1, "method": "login", "params": {"login": "4AA", "pass":', {"login": "4AA"}),
        ('{"id": 1, "method": "login", "params": {', {}),
        ('{"id": 1, "method": "login", "params": {"login": "4\\', None),
    ],
)
def test_a_cut_message_gives_what_was_there(text, expected):
    ((_, value, is_cut),) = json_values(text)
    assert is_cut
    assert value["method"] == "login"
    assert value.get("params") == expected


@pytest.mark.parametrize("text", ["{", '{"', "[", '[{"a"', '{"a":1,]', "{]}{"])
def test_no_sense_no_message(text):
    assert all(value in ({}, {"a": 1}) for value in values(text))


def test_a_broken_message_does_not_hide_the_next():
    assert values('{"a": nonsense}\n' + LINE) == [json.loads(LINE)]


def test_time_and_order_are_those_of_the_first_octet():
    chunk = Chunk(b'{"id":1}\n{"id":2}\n{"id":3}', [0, 12], [(100, 4), (200, 6)])
    found = json_messages(chunk, from_initiator=False)
    assert [(m.value["id"], m.time_ns, m.order) for m in found] == [
        (1, 100, 4),
        (2, 100, 4),
        (3, 200, 6),
    ]
    assert not any(m.from_initiator for m in found)


def test_bounds():
    assert len(values('{"id":1}\n' * 500)) == jsonlines.MAX_MESSAGES
    assert len(values("[" + ",".join(['{"id":1}'] * 500) + "]")) == jsonlines.MAX_BATCH
    assert values(json.dumps({"a": "x" * jsonlines.MAX_MESSAGE_OCTETS}) + "\n" + LINE) == [
        json.loads(LINE)
    ]


@pytest.mark.parametrize(
    "text",
    [
        "[" * 60_000,
        '{"a":' * 12_000,
        "[{" * 30_000,
        "[\n" * 30_000,
        "[[1]\n[" * 9_000,
        '{"' * 30_000,
        "{" + '"\\' * 30_000,
        "[" * 30_000 + "]" * 30_000,
        '{"a":' + "9" * 50_000 + "}",
        "}{" * 30_000,
    ],
)
def test_hostile_text_takes_little_time(text):
    started = time.perf_counter()
    values(text)
    assert time.perf_counter() - started < 1


def test_the_end_of_a_deep_message_is_made_up_in_linear_time():
    text = "[" * 8_000 + "1," * 4_000
    started = time.perf_counter()
    values(text)
    assert time.perf_counter() - started < 0.1


@given(st.text(alphabet='{}[]",:\\ \n1ae\x00\x05', max_size=200))
def test_never_raises(text):
    for offset, value, _ in json_values(text):
        assert 0 <= offset < len(text)
        assert isinstance(value, dict)
