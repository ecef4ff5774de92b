# SPDX-License-Identifier: Apache-2.0
import numpy as np

from minewatch.decoders.http import parse_http
from minewatch.lab.simulator.normal.web_texts import heads, requests
from minewatch.lab.simulator.texts import Texts


def test_requests_are_http():
    for kind, method in (("GET", "GET"), ("POST", "POST"), ("APT", "GET")):
        texts = requests(("a.example", "b.example"), kind)  # type: ignore[arg-type]
        assert len(set(texts)) == len(texts) > 10
        for text in texts:
            found, _ = parse_http(text)
            assert found[0].method == method
            assert found[0].headers["host"] in ("a.example", "b.example")
            assert len(found[0].body) == int(found[0].headers.get("content-length", 0))


def test_heads_tell_lengths():
    texts = Texts()
    numbers = heads(texts, np.array([0, 500, 500]), b"application/json")
    assert numbers[1] == numbers[2] != numbers[0]
    blob = texts.blob().tobytes()
    assert b"304 Not Modified" in blob
    assert blob.count(b"Content-Length: 500") == 1
