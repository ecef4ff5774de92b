# SPDX-License-Identifier: Apache-2.0

import threading

import pytest

from minewatch.detectors import block_feed
from minewatch.detectors.block_feed import MonerodBlocks
from minewatch.errors import ConfigError, SourceError
from monero_node import FIRST_S, STEP_S, TOP, reply


def seconds(height):
    return FIRST_S + STEP_S * height


def test_the_blocks_of_a_span_of_time(node):
    found = MonerodBlocks(node.url).between(seconds(300) - 50, seconds(1400) + 50)
    assert (found.time_ns // 10**9).tolist() == [seconds(h) for h in range(300, 1401)]
    assert found.name == f"{node.url}/json_rpc"
    assert {path for path, _, _ in node.asked} == {"/json_rpc"}
    spans = [p for _, method, p in node.asked if method == "get_block_headers_range"]
    assert [p["end_height"] - p["start_height"] for p in spans] == [499, 499, 101]
    assert len(node.asked) < 30


def test_a_span_that_the_chain_has_not_reached_ends_with_it(node):
    found = MonerodBlocks(node.url + "/json_rpc").between(seconds(TOP - 3), seconds(TOP + 100))
    assert len(found) == 4
    assert len(MonerodBlocks(node.url).between(seconds(TOP + 50), seconds(TOP + 60))) == 0
    assert len(MonerodBlocks(node.url).between(0, seconds(2))) == 3


def test_only_so_many_are_fetched_and_none_is_left_out_in_silence(node, monkeypatch):
    monkeypatch.setattr(block_feed, "MAX_BLOCKS", 20)
    assert len(MonerodBlocks(node.url).between(seconds(981), seconds(1000))) == 20
    with pytest.raises(ConfigError, match=r"json_rpc: 21 blocks in that time, 20 at most; ask for"):
        MonerodBlocks(node.url).between(seconds(980), seconds(1000))


@pytest.mark.parametrize(
    ("body", "what"),
    [
        (b"<html>", "answers no JSON"),
        (b"[" * 100_000, "answers no JSON"),
        (b"[]", "no result for get_last_block_header"),
        (b'{"error": {"message": "busy"}}', "busy"),
        (b'{"result": {}}', "a header without a height"),
        (b'{"result": {"block_header": {"height": "7"}}}', "a header without a height"),
        (b'{"result": {"block_header": {"height": true}}}', "a header without a height"),
        (b'{"result": {"block_header": {"height": 7, "timestamp": 1e99}}}', "without a time"),
    ],
)
def test_a_strange_answer_is_named_with_the_cure(node, body, what):
    node.answer = lambda handler: reply(handler, body)
    with pytest.raises(SourceError) as error:
        MonerodBlocks(node.url).between(0, 1)
    assert what in str(error.value)
    assert "name the RPC of a monerod, or use a file" in str(error.value)
    assert node.url in str(error.value)


def test_an_answer_without_end_is_cut(node, monkeypatch):
    monkeypatch.setattr(block_feed, "MAX_ANSWER_OCTETS", 1000)
    node.answer = lambda handler: reply(handler, b" " * 5000)
    with pytest.raises(SourceError, match="more than 1,000 octets"):
        MonerodBlocks(node.url).between(0, 1)


def test_a_redirection_is_not_followed(node):
    node.answer = lambda handler: reply(handler, b"", 302, Location=f"{node.url}/elsewhere")
    with pytest.raises(SourceError, match="does not answer"):
        MonerodBlocks(node.url).between(0, 1)
    assert [path for path, _, _ in node.asked] == ["/json_rpc"]


def test_a_proxy_of_the_environment_is_not_used(node, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert len(MonerodBlocks(node.url).between(seconds(1), seconds(2))) == 2


def test_a_node_that_is_slow_or_not_there(node):
    release = threading.Event()
    node.answer = lambda handler: release.wait(5)
    with pytest.raises(SourceError, match="does not answer"):
        MonerodBlocks(node.url, timeout_s=0.05).between(0, 1)
    release.set()
    node.answer = lambda handler: reply(handler, b"no", 401)
    with pytest.raises(SourceError, match=r"does not answer .*is it up"):
        MonerodBlocks(node.url).between(0, 1)
    with pytest.raises(SourceError, match="does not answer"):
        MonerodBlocks("http://127.0.0.1:9").between(0, 1)


@pytest.mark.parametrize(
    "url",
    [
        *("ftp://a/", "file:///etc/passwd", "127.0.0.1:18081", "http://", ""),
        *("http://[::1", "http://\u2100.x", "http://127.0.0.1/\xe9", "http://a\x1b[2J", "\x00"),
    ],
)
def test_other_addresses_are_refused(url):
    with pytest.raises(ConfigError, match="write http://127"):
        MonerodBlocks(url)


@pytest.mark.parametrize("host", ["a" * 80 + ".example", "127.0.0.1:port", "127.0.0.1:99999"])
def test_a_host_that_cannot_be_one_is_an_answer_that_does_not_come(host):
    with pytest.raises(SourceError, match="the node does not answer"):
        MonerodBlocks(f"http://{host}", timeout_s=1.0).between(0, 1)


def test_no_password_is_taken_or_told():
    with pytest.raises(ConfigError) as error:
        MonerodBlocks("http://me:secret@127.0.0.1:18081")
    assert "secret" not in str(error.value)
