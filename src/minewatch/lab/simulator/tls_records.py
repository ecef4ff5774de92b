# SPDX-License-Identifier: Apache-2.0
"""What TLS adds to the octets inside it."""

from __future__ import annotations

from typing import Final

import numpy as np

from minewatch.lab.simulator.script import ByteArray, IntArray
from minewatch.lab.simulator.texts import Texts

PLAIN: Final = 0
TLS12: Final = 12
TLS13: Final = 13

OVERHEAD: Final = {PLAIN: 0, TLS12: 29, TLS13: 22}
"""Octets a record: header 5 and tag 16, with explicit nonce 8 (1.2, AES-GCM) or type 1 (1.3)."""

RECORD_OCTETS: Final = 16_384
"""Most octets that one record carries."""

_OVERHEADS = np.zeros(16, np.int64)
for _version, _octets in OVERHEAD.items():
    _OVERHEADS[_version] = _octets


def sealed_octets(octets: IntArray, versions: ByteArray) -> IntArray:
    """Return lengths on the wire of messages in records.

    Examples
    --------
    >>> sealed_octets(np.array([100, 100, 20_000]), np.array([12, 13, 13], np.uint8))
    array([  129,   122, 20044])
    """
    return octets + -(-octets // RECORD_OCTETS) * _OVERHEADS[versions]


def header_texts(texts: Texts, octets: IntArray) -> IntArray:
    """Return the numbers of texts that hold the header of a message's first record.

    Parameters
    ----------
    texts : where they are put.
    octets : lengths on the wire.
    """
    bodies, inverse = np.unique(np.minimum(octets - 5, RECORD_OCTETS + 24), return_inverse=True)
    numbers = [texts.add(b"\x17\x03\x03" + int(body).to_bytes(2, "big")) for body in bodies]
    return np.array(numbers, np.int64)[inverse]
