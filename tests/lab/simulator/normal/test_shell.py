# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from part_check import make

SERVICES = ["ssh-interactive", "ssh-idle", "ssh-tunnel", "ssh-tunnel-out", "ssh-guess"]


@pytest.mark.parametrize("service", SERVICES)
def test_every_session_begins_with_banners(service: str):
    made = make(service)
    for row in range(60):
        first, second, *_ = made.said(row)
        assert first.content.startswith(b"SSH-2.0-")
        assert second.content.startswith(b"SSH-2.0-OpenSSH")
        assert (first.is_reply, second.is_reply) == (False, True)


def test_keys_are_36_octets_and_echoed():
    made = make("ssh-interactive")
    typed = made.part.octets[~made.part.is_reply]
    assert np.median(typed) == 36
    life = made.part.end_s - made.paths.start_s
    assert 60 < np.median(life) < 2400


def test_an_idle_session_is_kept_alive():
    made = make("ssh-idle", n=100, hours=12.0)
    messages = made.said(int(made.counts().argmax()))
    asked = [m.time_s for m in messages if m.octets == 52 and m.time_s > 60]
    assert len(asked) > 100
    assert float(np.median(np.diff(asked))) in (5.0, 10.0, 15.0, 30.0, 60.0, 120.0)


def test_guesses_are_refused_slowly_and_seldom_many():
    made = make("ssh-guess", n=300)
    life = made.part.end_s - made.paths.start_s
    assert life.max() < 120
    assert 2 < np.median(life) < 20
