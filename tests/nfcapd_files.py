# SPDX-License-Identifier: Apache-2.0
"""Files of nfdump, built octet by octet after its `nffile.h`, `nffileV2.h` and `nfxV3.h`."""

import struct

FIRST_MS = 1_615_280_400_123
"""2021-03-09 09:00:00.123 UTC."""


def ip(*numbers):
    """An IPv4 address as nfdump keeps it: a number in the machine's own order."""
    return int.from_bytes(bytes(numbers), "big")


CLIENT = ip(192, 168, 1, 127)
SERVER = ip(8, 209, 66, 141)
EXPORTER = ip(192, 0, 2, 1)


def element(kind, content):
    return struct.pack("<HH", kind, len(content) + 4) + content


def generic(**given):
    """The element that every flow has."""
    v = {
        "first": FIRST_MS,
        "last": FIRST_MS + 5000,
        "received": 0,
        "packets": 6,
        "octets": 426,
        "source_port": 19227,
        "destination_port": 9999,
        "protocol": 6,
        "tcp_flags": 0x18,
        "forwarding": 0,
        "tos": 0,
    } | given
    return element(1, struct.pack("<5Q2H4B", *v.values()))


def ipv4(source=CLIENT, destination=SERVER):
    return element(2, struct.pack("<II", source, destination))


def record(*elements, flags=0, exporter=0):
    """A flow record of nfdump 1.7."""
    body = b"".join(elements)
    head = struct.pack("<HHHBBHBB", 11, 12 + len(body), len(elements), 0, 0, exporter, flags, 9)
    return head + body


def flow(*more, flags=0, exporter=0, **given):
    """A flow record over IPv4."""
    return record(generic(**given), ipv4(), *more, flags=flags, exporter=exporter)


def exporter(number, address=EXPORTER, domain=7):
    packed = struct.pack("<QII", 0, address, 0)
    return struct.pack("<HHI16sHHI", 7, 32, 9, packed, 2, number, domain)


def exporter_ipv6(number, address, domain=7, family=10):
    packed = struct.pack("<QQ", address >> 64, address & ((1 << 64) - 1))
    return struct.pack("<HHI16sHHI", 7, 32, 9, packed, family, number, domain)


def sampler(number, identifier, interval):
    """As nfdump 1.7 has it: of so many packets one is taken, the others are space."""
    return struct.pack("<HHHHqII", 15, 24, number, 0, identifier, 1, interval - 1)


def old_sampler(number, identifier, interval):
    return struct.pack("<HHiIHH", 9, 16, identifier, interval, 0, number)


def extension_map(number, *extensions, octets=0):
    """What follows the counts of a flow record; nfdump wants to know of how many octets."""
    listed = struct.pack(f"<{len(extensions) + 1}H", *extensions, 0)
    listed += bytes(-len(listed) % 4)
    return struct.pack("<HHHH", 2, 8 + len(listed), number, octets) + listed


def old_flow(rest=b"", *, number=0, flags=6, exporter=1, kind=10, addresses=None, **given):
    """A flow record of nfdump 1.6: `rest` is what the extension map lists."""
    v = {
        "first": FIRST_MS,
        "last": FIRST_MS + 5000,
        "forwarding": 0,
        "tcp_flags": 0x18,
        "protocol": 6,
        "source_port": 19227,
        "destination_port": 9999,
        "packets": 6,
        "octets": 426,
        "direction": 0,
        "end_reason": 0,
    } | given
    if addresses is None:
        addresses = struct.pack("<II", CLIENT, SERVER)
    counts = struct.pack("<Q" if flags & 2 else "<I", v["packets"])
    counts += struct.pack("<Q" if flags & 4 else "<I", v["octets"])
    tail = struct.pack("<HBB", exporter, v["direction"], v["end_reason"]) if kind == 10 else b""
    body = struct.pack(
        "<HHIIBBBBHH",
        v["first"] % 1000,
        v["last"] % 1000,
        v["first"] // 1000,
        v["last"] // 1000,
        v["forwarding"],
        v["tcp_flags"],
        v["protocol"],
        0,
        v["source_port"],
        v["destination_port"],
    )
    body += tail + addresses + counts + rest
    seen = struct.pack("<H", flags) if kind == 10 else struct.pack("<BB", flags, exporter)
    return struct.pack("<HH", kind, 8 + len(body)) + seen + struct.pack("<H", number) + body


def block(*records, pack=None, kind=3, count=None, flags=0):
    body = b"".join(records)
    if pack is not None:
        body = pack(body)
    n = len(records) if count is None else count
    return struct.pack("<IIHH", n, len(body), kind, flags) + body


def layout_2(*blocks, compression=0, encryption=0):
    """A file of nfdump 1.7."""
    head = struct.pack(
        "<HHIQBBHIQII", 0xA50C, 2, 0x01070100, 0, compression, encryption, 0, 1, 0, 1 << 20,
        len(blocks),
    )  # fmt: skip
    return head + b"".join(blocks)


def layout_1(*blocks, flags=0):
    """A file of nfdump 1.6."""
    head = struct.pack("<HHII128s", 0xA50C, 1, flags, len(blocks), b"none")
    return head + bytes(136) + b"".join(blocks)
