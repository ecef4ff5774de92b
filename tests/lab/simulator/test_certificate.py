# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from minewatch.decoders.certificate import certificate_names
from minewatch.lab.simulator.certificate import certificate_message


@pytest.mark.parametrize("octets", [800, 1_150, 2_600, 5_000])
def test_a_chain_has_the_size_that_is_wanted(octets: int):
    made = certificate_message("a.example", octets, np.random.default_rng(1), is_self_signed=False)
    assert made[0] == 11
    assert int.from_bytes(made[1:4], "big") == len(made) - 4
    assert len(made) == pytest.approx(octets, abs=40)


@pytest.mark.parametrize(
    ("signed", "issuer"), [(True, "CN=a.example"), (False, "CN=R11, O=Let's Encrypt")]
)
def test_the_names_are_read_by_our_own_decoder(signed: bool, issuer: str):
    made = certificate_message("a.example", 1100, np.random.default_rng(1), is_self_signed=signed)
    names = certificate_names(made[10:])
    assert names is not None
    assert names.subject == "CN=a.example"
    assert names.issuer == issuer
    assert names.is_self_issued is signed
