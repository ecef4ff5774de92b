# SPDX-License-Identifier: Apache-2.0
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minewatch.decoders.certificate import certificate_names

# Made for this test with `openssl req -x509 -subj /CN=pool.example/O=Nobody`; its key is gone.
DER = bytes.fromhex(
    "308201a53082014ba003020102021469cae92a4ad5245cc0dca19b5c89339777bb3382300a06082a8648ce3d0403"
    "0230283115301306035504030c0c706f6f6c2e6578616d706c65310f300d060355040a0c064e6f626f6479301e17"
    "0d3236313132343232323735375a170d3336313132313232323735375a30283115301306035504030c0c706f6f6c"
    "2e6578616d706c65310f300d060355040a0c064e6f626f64793059301306072a8648ce3d020106082a8648ce3d03"
    "0107034200048a6bdca183a41709dde7b9cbcb8767a30228ccad5b15d1adaae6ac340b89fd4c130159df9a9d0d99"
    "74fd28294ec16ae1587b646d1862a4f9d7d2150102d43d42a3533051301d0603551d0e041604149752e08737a14f"
    "e77c9afd073ec252aa50e191aa301f0603551d230418301680149752e08737a14fe77c9afd073ec252aa50e191aa"
    "300f0603551d130101ff040530030101ff300a06082a8648ce3d04030203480030450220062f500320912d9ee281"
    "6f15eeb49ea06d702134b3b3004fb8de236783043df5022100ce21af040f02cf056c787e4e7f6c663afa5776ee86"
    "a227a2449257c634124184"
)


def test_names():
    assert certificate_names(DER) == (
        "CN=pool.example, O=Nobody",
        "CN=pool.example, O=Nobody",
        True,
    )


def test_another_issuer():
    place = DER.index(b"Nobody")
    other = DER[:place] + b"Nobodx" + DER[place + 6 :]
    assert certificate_names(other) == (
        "CN=pool.example, O=Nobody",
        "CN=pool.example, O=Nobodx",
        False,
    )


def test_control_characters_stay_out():
    names = certificate_names(DER.replace(b"Nobody", b"No\x1b[2J"))
    assert names.subject == "CN=pool.example, O=No?[2J"


@pytest.mark.parametrize("end", range(0, len(DER), 7))
def test_a_cut_certificate_is_read_as_far_as_it_goes(end):
    names = certificate_names(DER[:end])
    assert (
        names is None
        or names.issuer in {None, "CN=pool.example", "CN=pool.example, O=Nobody"}
        or (names.issuer.startswith("CN="))
    )


@given(st.binary(max_size=400), st.integers(0, len(DER)))
def test_never_raises(noise, place):
    certificate_names(noise)
    certificate_names(DER[:place] + noise + DER[place:])
    certificate_names(DER[:place] + noise[:1] + DER[place + 1 :])
