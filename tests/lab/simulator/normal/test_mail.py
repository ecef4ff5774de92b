# SPDX-License-Identifier: Apache-2.0
from itertools import pairwise

import pytest

from minewatch.decoders.tls import TlsDecoder
from part_check import make, payload


@pytest.mark.parametrize("service", ["smtp", "smtp-out"])
def test_mail_is_a_dialogue_that_the_server_begins(service: str):
    made = make(service)
    secured = 0
    for row in range(60):
        messages = made.said(row)
        assert messages[0].is_reply
        assert messages[0].content.startswith(b"220 ")
        assert messages[1].content.startswith(b"EHLO ")
        turns = [m.is_reply for m in messages]
        assert all(a != b for a, b in pairwise(turns))
        if messages[3].content == b"STARTTLS\r\n":
            secured += 1
            assert TlsDecoder().decode(payload(messages[5:])) is not None
        else:
            assert messages[-1].content == b"221 2.0.0 Bye\r\n"
    assert 25 < secured < 58


def test_letters_have_a_heavy_tail():
    made = make("smtp", n=400)
    letters = [max(m.octets for m in made.said(row) if not m.is_reply) for row in range(400)]
    assert min(letters) >= 1500
    assert max(letters) > 40_000
