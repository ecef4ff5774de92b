# SPDX-License-Identifier: Apache-2.0
"""Keys of fields."""

from minewatch.readers.netflow import elements as e


def test_fields_of_enterprises_are_not_taken_for_iana_s():
    assert e.key_of(1, 0) in e.USED
    assert e.key_of(1, 9) == e.key_of(8, 6871) == e.FOREIGN
    assert e.FOREIGN not in e.USED


def test_counts_times_and_flags_are_used_in_both_directions():
    reverse = {key - e.REVERSE for key in e.USED if key > e.REVERSE}
    assert {e.OCTETS, e.PACKETS, e.TCP_FLAGS, e.END_MILLISECONDS} < reverse
    assert reverse.isdisjoint({e.SOURCE_IPV4, e.PROTOCOL, e.VLAN})


def test_an_enterprise_without_a_name_has_its_number():
    assert [e.vendor_name(one) for one in (6871, 1)] == ["CERT", "enterprise 1"]
