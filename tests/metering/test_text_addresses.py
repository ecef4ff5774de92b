# SPDX-License-Identifier: Apache-2.0
import ipaddress

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from minewatch.address import halves_of
from minewatch.metering.text_addresses import address_of


def read(text):
    data = np.frombuffer(bytes(16) + text.encode("latin-1") + b":1", np.uint8)
    high, low, is_address = address_of(data, 16, len(data) - 2)
    return (int(high), int(low)) if is_address else None


@settings(deadline=None)
@given(st.ip_addresses())
def test_addresses_as_they_are_usually_written(address):
    assert read(str(address)) == halves_of(str(address))


@settings(deadline=None)
@given(st.ip_addresses(v=6))
def test_addresses_with_all_zeros(address):
    assert read(address.exploded.upper()) == halves_of(str(address))


groups = st.lists(st.sampled_from(["", "", "0", "a", "F9", "1234", "12345", "g"]), max_size=10)


@settings(deadline=None)
@given(groups.map(":".join))
@example("::")
@example(":::")
@example("::1")
@example("1::")
@example("1:2:3:4:5:6:7:8")
@example("1:2:3:4:5:6:7::")
@example("::2:3:4:5:6:7:8")
@example("1:2:3:4::5:6:7:8")
@example("1::2::3")
@example("1:2:3:4:5:6:7:8:9")
@example(":1:2:3:4:5:6:7")
@example("1:2:3:4:5:6:7:")
@example("fe80:0000:0000:0000:0202:b3ff:fe1e:8329")
def test_it_is_an_address_exactly_where_python_says_so(text):
    try:
        address = ipaddress.IPv6Address(text)
    except ValueError:
        assert read(text) is None
    else:
        assert read(text) == (int(address) >> 64, int(address) & (1 << 64) - 1)


def test_what_is_left_to_slower_code():
    for text in ("::ffff:1.2.3.4", "fe80::1%eth0", "-", "", "1.2.3", "\xb5::1"):
        assert read(text) is None
