# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

import scripted
from minewatch.lab.simulator import script as s
from scripted import SEED, Talk, flag_names, made

ENDS = [
    s.CLOSE_NONE,
    s.CLOSE_INITIATOR,
    s.CLOSE_RESPONDER,
    s.RESET_INITIATOR,
    s.RESET_RESPONDER,
    s.REFUSED,
    s.UNANSWERED,
]


def test_each_way_to_end_is_another():
    assert sorted(ENDS) == list(range(7))
    assert len({tuple(flag_names(made(Talk(close=end, seconds=60.0)))) for end in ENDS}) == 7


@pytest.mark.parametrize("fill", [s.FILL_RANDOM, s.FILL_TEXT])
def test_what_is_no_content_is_filler_of_its_kind(tmp_path, fill):
    said = scripted.script(Talk([(0.1, False, b"begin")], fill=fill))
    said.messages.octets[:] = 5000
    octets = np.fromfile(scripted.write(tmp_path / "a.pcap", said, seed=SEED), np.uint8).tobytes()
    payload = octets[octets.index(b"begin") :][:1448]
    assert len(set(payload[5:])) > 90
    assert payload.isascii() == (fill == s.FILL_TEXT)
