# SPDX-License-Identifier: Apache-2.0
"""Audit logs for tests, and every way to change one of five lines."""

from minewatch.response.entries import Action, Deed


def deed(block, number=0, action=Action.APPLIED):
    return Deed(number, action, "nftables", "root", block, f"reason {number}")


def lines(log) -> list[bytes]:
    return log.path.read_bytes().splitlines(keepends=True)


def rewrite(log, changed) -> None:
    log.path.write_bytes(b"".join(changed))


def _edited(old):
    return [*old[:2], old[2].replace(b"reason 2", b"reason X"), *old[3:]]


CHANGES = {
    "edited": _edited,
    "first edited": lambda old: [old[0].replace(b"root", b"toor"), *old[1:]],
    "last edited": lambda old: [*old[:4], old[4].replace(b"root", b"toor")],
    "left out": lambda old: [*old[:2], *old[3:]],
    "first left out": lambda old: old[1:],
    "moved": lambda old: [old[0], old[2], old[1], *old[3:]],
    "doubled": lambda old: [*old[:3], old[2], *old[3:]],
    "one cut off": lambda old: old[:4],
    "three cut off": lambda old: old[:2],
    "emptied": lambda old: [],
    "cut within": lambda old: [*old[:4], old[4][:30]],
    "line put in": lambda old: [*old[:3], b"{}\n", *old[3:]],
    "space put in": lambda old: [*old[:3], old[3].replace(b":", b": ", 1), old[4]],
    "blank line": lambda old: [*old[:3], b"\n", *old[3:]],
}
