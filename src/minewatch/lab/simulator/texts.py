# SPDX-License-Identifier: Apache-2.0
"""A store of message contents: each text once, referred to by number."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from minewatch.lab.simulator.laws import Rng
from minewatch.lab.simulator.script import ByteArray, IntArray

NOTHING = 0
"""Number of the empty text."""


class Texts:
    """Contents of messages, joined into one blob at the end.

    Examples
    --------
    >>> texts = Texts()
    >>> number = texts.add(b"GET /")
    >>> texts.add(b"GET /") == number, texts.lengths()[number].item()
    (True, 5)
    """

    def __init__(self) -> None:
        self._pieces: list[bytes] = [b""]
        self._numbers: dict[bytes, int] = {b"": NOTHING}

    def add(self, text: bytes) -> int:
        """Return the number of a text, the same for the same text."""
        number = self._numbers.get(text)
        if number is None:
            number = self._numbers[text] = len(self._pieces)
            self._pieces.append(text)
        return number

    def add_each(self, texts: Iterable[bytes]) -> IntArray:
        """Return the numbers of texts that differ from each other anyway, without a search."""
        first = len(self._pieces)
        self._pieces.extend(texts)
        return np.arange(first, len(self._pieces), dtype=np.int64)

    def pick(self, texts: Iterable[bytes], rng: Rng, n: int) -> IntArray:
        """Return `n` numbers of texts chosen at random."""
        numbers = np.array([self.add(text) for text in texts], np.int64)
        return numbers[rng.integers(0, len(numbers), n)]

    def lengths(self) -> IntArray:
        """Return the length of each text [octets]."""
        return np.fromiter(map(len, self._pieces), np.int64, len(self._pieces))

    def blob(self) -> ByteArray:
        """Return all texts, one after the other, in the order of their numbers."""
        return np.frombuffer(b"".join(self._pieces), np.uint8)
