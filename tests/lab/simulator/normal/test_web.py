# SPDX-License-Identifier: Apache-2.0
import numpy as np

from minewatch.decoders.http import parse_http
from minewatch.decoders.tls import TlsDecoder
from minewatch.lab.simulator.script import CLOSE_RESPONDER
from part_check import make, payload


def test_browsing_in_the_clear_is_http_with_true_lengths():
    made = make("http-browse")
    for row in range(20):
        messages = made.said(row)
        assert [m.is_reply for m in messages] == [False, True] * (len(messages) // 2)
        request, _ = parse_http(messages[0].content)
        assert request[0].method == "GET"
        reply, _ = parse_http(messages[1].content)
        body = messages[1].octets - len(messages[1].content)
        assert reply[0].headers["content-length"] == str(body)


def test_browsing_over_tls_names_its_server():
    made = make("https-browse")
    rows = [TlsDecoder().decode(payload(made.said(row))) for row in range(30)]
    assert all(row is not None and str(row["tls_sni"]).endswith(".example") for row in rows)
    assert {row["tls_version"] for row in rows if row} == {"TLS 1.2", "TLS 1.3"}


def test_sizes_have_a_heavy_tail():
    made = make("http-browse", n=400)
    replies = made.part.octets[made.part.is_reply]
    assert 800 < np.median(replies) < 8000
    assert replies.max() > 20 * np.median(replies)
    downloads = make("http-download", n=400)
    sums = np.bincount(downloads.part.conversation, downloads.part.octets)
    assert np.median(sums) > 15_000
    assert sums.max() <= 4_100_000


def test_health_checks_are_one_small_exchange():
    made = make("http-health")
    assert (made.counts() == 2).all()
    assert (made.part.octets < 300).all()
    assert (made.part.close == CLOSE_RESPONDER).all()


def test_calls_keep_their_connection():
    made = make("http-api", n=200)
    life = made.part.end_s - made.paths.start_s
    assert (made.counts() >= 2).all()
    assert np.median(life) > 5
    clear = [row for row in range(200) if made.said(row)[0].content.startswith(b"POST /v1")]
    assert 10 < len(clear) < 60


def test_updates_are_asked_for_in_the_clear():
    made = make("package-updates")
    first = made.said(0)[0].content
    assert b"Debian APT-HTTP" in first
    assert first.endswith(b"\r\n\r\n")
