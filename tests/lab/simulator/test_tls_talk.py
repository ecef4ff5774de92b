# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from minewatch.decoders.tls import TlsDecoder
from minewatch.lab.simulator.paths import draw_paths
from minewatch.lab.simulator.talk import Talk
from minewatch.lab.simulator.tls_records import PLAIN, TLS12, TLS13
from minewatch.lab.simulator.tls_talk import secure
from part_check import START_S, payload, said

N = 40


def talk() -> Talk:
    rng = np.random.default_rng(1)
    return Talk(draw_paths(rng, np.full(N, START_S), "internet", is_initiator_home=False))


@pytest.mark.parametrize(
    ("newer", "version", "name"), [(1.0, TLS13, "TLS 1.3"), (0.0, TLS12, "TLS 1.2")]
)
def test_a_handshake_goes_before_what_is_said(newer: float, version: int, name: str):
    made = talk()
    rows = np.arange(N - 1)
    secure(made, rows, np.random.default_rng(2), ("a.example", "b.example"), newer=newer)
    made.exchange(np.arange(N), 100, 1000)
    part = made.finish()
    assert made.versions.tolist() == [version] * (N - 1) + [PLAIN]
    assert [m.octets for m in said(part, N - 1)] == [100, 1000]
    for row in range(N - 1):
        messages = said(part, row)
        assert [m.is_reply for m in messages] == [False, True, False, True, False, True]
        assert messages[4].octets == 100 + (29 if version == TLS12 else 22)
        assert 900 < messages[1].octets < 6500
        decoded = TlsDecoder().decode(payload(messages))
        assert decoded is not None
        assert decoded["tls_sni"] in ("a.example", "b.example")
        assert decoded["tls_version"] == name


def test_some_clients_do_not_name_the_server():
    made = talk()
    rows = np.arange(N)
    secure(made, rows, np.random.default_rng(2), ("a.example",), clients=("library",), named=0.5)
    part = made.finish()
    rows_of = [TlsDecoder().decode(payload(said(part, row))) for row in range(N)]
    names = [row["tls_sni"] for row in rows_of if row]
    assert 8 < sum(name is None for name in names) < 32
