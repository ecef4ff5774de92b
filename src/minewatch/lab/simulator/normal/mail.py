# SPDX-License-Identifier: Apache-2.0
"""Mail: SMTP, one message or a few, some of it over STARTTLS."""

from __future__ import annotations

import numpy as np

from minewatch.lab.simulator.distributions import parameter
from minewatch.lab.simulator.laws import Rng
from minewatch.lab.simulator.paths import Paths
from minewatch.lab.simulator.script import CLOSE_RESPONDER, FILL_TEXT, IntArray
from minewatch.lab.simulator.talk import Part, Talk
from minewatch.lab.simulator.tls_talk import secure

_CAPABILITIES = (
    b"250-mail.example\r\n250-PIPELINING\r\n250-SIZE 10240000\r\n250-STARTTLS\r\n"
    b"250-ENHANCEDSTATUSCODES\r\n250 8BITMIME\r\n"
)
_ENVELOPE = (
    (b"MAIL FROM:<anna@shop.example> SIZE=%d\r\n", b"250 2.1.0 Ok\r\n"),
    (b"RCPT TO:<ben@mail.example>\r\n", b"250 2.1.5 Ok\r\n"),
    (b"DATA\r\n", b"354 End data with <CR><LF>.<CR><LF>\r\n"),
)


def smtp(rng: Rng, paths: Paths, horizon_s: float) -> Part:
    """Return deliveries of mail."""
    n = len(paths)
    talk = Talk(paths)
    rows = np.arange(n)
    delay = rng.exponential(0.05, n)
    greeting = talk.texts.add(b"220 mail.example ESMTP Postfix (Debian/GNU)\r\n")
    talk.say(rows, True, text=greeting, gap_s=delay, is_sealed=False)
    _ask(talk, rows, b"EHLO relay.example\r\n", _CAPABILITIES, rng, is_sealed=False)
    encrypted = np.flatnonzero(rng.random(n) < 0.7)
    ready = b"220 2.0.0 Ready to start TLS\r\n"
    _ask(talk, encrypted, b"STARTTLS\r\n", ready, rng, is_sealed=False)
    secure(talk, encrypted, rng, ("mail.example",), named=0.6)
    _ask(talk, encrypted, b"EHLO relay.example\r\n", _CAPABILITIES, rng)
    for number, (command, answer) in enumerate(_ENVELOPE):
        _ask(talk, rows, command % 4711 if number == 0 else command, answer, rng)
    talk.exchange(
        rows,
        parameter("mail").whole(rng, n),
        None,
        request_text=talk.texts.add(b"Received: from relay.example (unknown [192.0.2.7])\r\n"),
        reply_text=talk.texts.add(b"250 2.0.0 Ok: queued as 4XkT1z0JQz\r\n"),
        think_s=0.0005,
        serve_s=parameter("server_time").draw(rng, n) * 4,
        fill=FILL_TEXT,
    )
    _ask(talk, rows, b"QUIT\r\n", b"221 2.0.0 Bye\r\n", rng)
    return talk.finish(CLOSE_RESPONDER, horizon_s=horizon_s)


def _ask(
    talk: Talk,
    rows: IntArray,
    command: bytes,
    answer: bytes,
    rng: Rng,
    *,
    is_sealed: bool = True,
) -> None:
    talk.exchange(
        rows,
        None,
        None,
        request_text=talk.texts.add(command),
        reply_text=talk.texts.add(answer),
        think_s=rng.exponential(0.001, len(rows)),
        serve_s=rng.exponential(0.003, len(rows)),
        is_sealed=is_sealed,
    )
