# SPDX-License-Identifier: Apache-2.0
"""The information elements that are read, by their IANA numbers, and whose others are not.

NetFlow v9 numbers its field types as IPFIX does below 128 (RFC 3954 section 8, RFC 7012); Cisco
uses IPFIX numbers above that too. A key is the number, plus ``REVERSE`` for the other direction
of a biflow (RFC 5103), and ``FOREIGN`` for what an enterprise defined for itself.
"""

from __future__ import annotations

from typing import Final

REVERSE: Final = 1 << 16
"""Added to the number of an element that tells of the reverse direction."""
FOREIGN: Final = -1
"""Key of all fields of enterprises: they are stepped over by their length."""
REVERSE_ENTERPRISE: Final = 29305
"""RFC 5103 section 6.1: the same elements, of the reverse direction."""

OCTETS: Final = 1
PACKETS: Final = 2
PROTOCOL: Final = 4
TCP_FLAGS: Final = 6
SOURCE_PORT: Final = 7
SOURCE_IPV4: Final = 8
INPUT_INTERFACE: Final = 10
DESTINATION_PORT: Final = 11
DESTINATION_IPV4: Final = 12
OUTPUT_INTERFACE: Final = 14
END_UPTIME: Final = 21
START_UPTIME: Final = 22
POST_OCTETS: Final = 23
POST_PACKETS: Final = 24
SOURCE_IPV6: Final = 27
DESTINATION_IPV6: Final = 28
ICMP_TYPE_CODE_IPV4: Final = 32
SAMPLING_INTERVAL: Final = 34
SAMPLER_ID: Final = 48
SAMPLER_MODE: Final = 49
SAMPLER_RANDOM_INTERVAL: Final = 50
VLAN: Final = 58
DIRECTION: Final = 61
OCTETS_TOTAL: Final = 85
PACKETS_TOTAL: Final = 86
END_REASON: Final = 136
ICMP_TYPE_CODE_IPV6: Final = 139
START_SECONDS: Final = 150
END_SECONDS: Final = 151
START_MILLISECONDS: Final = 152
END_MILLISECONDS: Final = 153
START_MICROSECONDS: Final = 154
END_MICROSECONDS: Final = 155
START_NANOSECONDS: Final = 156
END_NANOSECONDS: Final = 157
START_DELTA: Final = 158
END_DELTA: Final = 159
SYSTEM_INIT_TIME: Final = 160
DURATION_MILLISECONDS: Final = 161
DURATION_MICROSECONDS: Final = 162
ICMP_TYPE_IPV4: Final = 176
ICMP_CODE_IPV4: Final = 177
ICMP_TYPE_IPV6: Final = 178
ICMP_CODE_IPV6: Final = 179
NAT_EVENT: Final = 230
INITIATOR_OCTETS: Final = 231
RESPONDER_OCTETS: Final = 232
FIREWALL_EVENT: Final = 233
BIFLOW_DIRECTION: Final = 239
DOT1Q_VLAN: Final = 243
INITIATOR_PACKETS: Final = 298
RESPONDER_PACKETS: Final = 299
SELECTOR_ID: Final = 302
SAMPLING_PACKETS: Final = 305
SAMPLING_SPACE: Final = 306
SAMPLING_SIZE: Final = 309
SAMPLING_POPULATION: Final = 310
OBSERVED_SECONDS: Final = 322
OBSERVED_MILLISECONDS: Final = 323
ASA_FIREWALL_EVENT: Final = 40005
"""Number of ``FIREWALL_EVENT`` in Cisco ASA 8.1; later versions send 233."""

ADDRESS_OCTETS: Final = {SOURCE_IPV4: 4, DESTINATION_IPV4: 4, SOURCE_IPV6: 16, DESTINATION_IPV6: 16}
"""Addresses have one length; a field of another is not used."""
_BOTH_WAYS: Final = frozenset(
    (OCTETS, PACKETS, OCTETS_TOTAL, PACKETS_TOTAL, TCP_FLAGS, START_UPTIME, END_UPTIME)
) | frozenset(range(START_SECONDS, END_DELTA + 1))
_ONE_WAY: Final = frozenset(ADDRESS_OCTETS) | frozenset(
    (
        *(PROTOCOL, SOURCE_PORT, DESTINATION_PORT, POST_OCTETS, POST_PACKETS, VLAN, DOT1Q_VLAN),
        *(ICMP_TYPE_CODE_IPV4, ICMP_TYPE_CODE_IPV6, ICMP_TYPE_IPV4, ICMP_CODE_IPV4),
        *(ICMP_TYPE_IPV6, ICMP_CODE_IPV6, DIRECTION, END_REASON, FIREWALL_EVENT, NAT_EVENT),
        *(SAMPLING_INTERVAL, SAMPLER_ID, SAMPLER_MODE, SAMPLER_RANDOM_INTERVAL, SELECTOR_ID),
        *(SAMPLING_PACKETS, SAMPLING_SPACE, SYSTEM_INIT_TIME, DURATION_MILLISECONDS),
        *(DURATION_MICROSECONDS, INITIATOR_OCTETS, RESPONDER_OCTETS, INITIATOR_PACKETS),
        *(RESPONDER_PACKETS, BIFLOW_DIRECTION, OBSERVED_SECONDS, OBSERVED_MILLISECONDS),
        *(ASA_FIREWALL_EVENT, INPUT_INTERFACE, OUTPUT_INTERFACE, SAMPLING_SIZE),
        SAMPLING_POPULATION,
    )
)
USED: Final = _ONE_WAY | _BOTH_WAYS | frozenset(REVERSE + number for number in _BOTH_WAYS)
"""Keys of the fields that are read."""

VENDORS: Final = {
    9: "Cisco",
    637: "Nokia",
    2011: "Huawei",
    2636: "Juniper",
    3054: "Ixia",
    5951: "Citrix",
    6871: "CERT",
    6876: "VMware",
    8741: "SonicWall",
    10704: "Barracuda",
    12356: "Fortinet",
    14988: "MikroTik",
    15397: "Procera",
    25461: "Palo Alto Networks",
    25506: "H3C",
    35632: "ntop",
    41916: "Viptela",
}
"""Names of enterprises, by IANA's private enterprise numbers."""


def key_of(number: int, enterprise: int) -> int:
    """Return the key of a field.

    Parameters
    ----------
    number : of the element, without the bit that announces an enterprise.
    enterprise : its number; 0 for IANA's own elements.

    Examples
    --------
    >>> key_of(1, 0), key_of(1, REVERSE_ENTERPRISE) == REVERSE + OCTETS, key_of(1, 9) == FOREIGN
    (1, True, True)
    """
    if enterprise == 0:
        return number
    return REVERSE + number if enterprise == REVERSE_ENTERPRISE else FOREIGN


def vendor_name(enterprise: int) -> str:
    """Return what an enterprise is called, its number if that is not known.

    Parameters
    ----------
    enterprise : its number.

    Examples
    --------
    >>> vendor_name(9), vendor_name(99999)
    ('Cisco', 'enterprise 99999')
    """
    return VENDORS.get(enterprise, f"enterprise {enterprise}")
