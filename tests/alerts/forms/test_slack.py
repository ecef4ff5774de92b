# SPDX-License-Identifier: Apache-2.0
import pytest

from made_up_alerts import ALL, HOSTILE, PLAIN
from minewatch.alerts.forms.slack import chat_message


def texts(value):
    """All text objects of a message."""
    if isinstance(value, dict):
        if value.get("type") in ("plain_text", "mrkdwn"):
            yield value
        for item in value.values():
            yield from texts(item)
    if isinstance(value, list):
        for item in value:
            yield from texts(item)


def test_a_plain_alert():
    told = chat_message(PLAIN)
    said = [text["text"] for text in texts(told["blocks"])]
    assert said[0] == "10.0.0.5 mines at pool.example (203.0.113.9:443)"
    assert "Severity\nhigh" in said
    assert "Why\n\u2022 A miner logged in." in said  # and not what speaks against it
    assert "What to check next\n\u2022 Look at the host's processes.\n\u2022 Ask its owner." in said
    assert said[-1] == f"minewatch {PLAIN.id} revision 1"


@pytest.mark.parametrize("alert", ALL)
def test_it_keeps_to_the_limits_of_block_kit(alert):
    """https://api.slack.com/reference/block-kit/blocks"""
    told = chat_message(alert)
    assert len(told["blocks"]) <= 50
    assert len(told["blocks"][0]["text"]["text"]) <= 150
    for block in told["blocks"]:
        assert len(block.get("fields", [])) <= 10
        assert all(0 < len(field["text"]) <= 2_000 for field in block.get("fields", []))
        if block["type"] == "section" and "text" in block:
            assert 0 < len(block["text"]["text"]) <= 3_000


def test_nothing_from_the_wire_is_markup():
    told = chat_message(HOSTILE)
    assert all(text["type"] == "plain_text" for text in texts(told))
    assert not set("<>") & set(told["text"])
    assert "&lt;!channel&gt;&amp;" in told["text"]
    assert told["mrkdwn"] is False
