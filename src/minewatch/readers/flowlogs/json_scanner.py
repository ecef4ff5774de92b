# SPDX-License-Identifier: Apache-2.0
"""Where the documents within a JSON array or a list of records begin and end.

Only brackets and strings are looked at, a stretch at a time: whether what lies between is JSON is
for the decoder to say. A raw line end within a string, which JSON forbids, and a new list of
records at the beginning of a line show that a document was cut; reading goes on from there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

RECORDS_PREFIX: Final = re.compile(rb'\s*\{\s*"records"\s*:\s*\[')
"""Begin of a list of records, as Azure writes it."""
_PREFIX_OCTETS: Final = 256
"""What such a begin may have, white space and all."""
# Possessive, so that no input makes it go back: strings are taken whole, then comes a bracket, a
# string that does not end here, or the end of what is there.
_TO_BRACKET: Final = re.compile(
    rb'(?:[^"{}\[\]]++|"[^"\\\n]*+(?:\\.[^"\\\n]*+)*+")*+([{}\[\]"])?', re.DOTALL
)
_TO_QUOTE: Final = re.compile(rb'[^"\\\n]*+(?:\\.[^"\\\n]*+)*+(["\n])?', re.DOTALL)
_BETWEEN: Final = b" \t\r\n,"


@dataclass(frozen=True, slots=True)
class Damage:
    """What stands in the place of a document, and is none."""

    reason: str
    cure: str


_CUT: Final = Damage("a document is cut", "the next one is read; fetch the log again")
_NO_OBJECT: Final = Damage("no JSON object", "a record is written in braces")
_UNOPENED: Final = Damage("a bracket closes nothing", "check where the log was cut or joined")


class JsonScanner:
    """Takes octets as they come, and gives the documents that they complete.

    Parameters
    ----------
    max_octets : a longer document is not kept, and given as damage.

    Examples
    --------
    >>> scanner = JsonScanner(100)
    >>> scanner.feed(b'[{"a": "}"}, {"b"'), scanner.feed(b': [2]}]', is_last=True)
    ([], [b'{"a": "}"}', b'{"b": [2]}'])
    """

    def __init__(self, max_octets: int) -> None:
        self._max_octets = max_octets
        self._octets = b""
        self._at = 0  # scanned up to here
        self._start = 0  # of the document, or of what lies between documents
        self._depth = 0  # brackets open within the document; 0 between documents
        self._is_in_array = False
        self._is_in_records = False
        self._is_after_records = False  # the list is closed, the object that holds it is not
        self._is_in_string = False
        self._is_too_long = False
        self._is_told = False  # that between documents stands what does not belong there
        self._found: list[bytes | Damage] = []

    @property
    def is_open(self) -> bool:
        """Return whether more is to come: a bracket was opened and not closed."""
        is_around = self._is_in_array or self._is_in_records or self._is_after_records
        return self._depth > 0 or is_around

    @property
    def unfinished(self) -> bytes | None:
        """Return the begin of a document whose end is missing, None if there is none."""
        return self._octets[self._start :] if self._depth > 0 else None

    def feed(self, octets: bytes, *, is_last: bool = False) -> list[bytes | Damage]:
        """Return the documents that end in these octets.

        Parameters
        ----------
        octets : what follows upon those of the last call.
        is_last : nothing more will follow.
        """
        self._octets = self._octets[self._start :] + octets
        self._at -= self._start
        self._start = 0
        self._found = []
        is_going_on = True
        while is_going_on and self._at < len(self._octets):
            is_going_on = self._step_in_string() if self._is_in_string else self._step(is_last)
        if self._depth > 0:
            self._mark_length()
        return self._found

    def _step(self, is_last: bool) -> bool:
        """Go to the next bracket and take it; return False if more octets are needed."""
        bracket, end = _stop(_TO_BRACKET, self._octets, self._at)
        self._at = end - 1 if bracket else end
        if self._depth == 0:
            self._look_between(bracket)
        if bracket in (b"{", b"["):
            return self._open(bracket, is_last)
        self._at = end
        if bracket == b'"':
            self._is_in_string = True
        elif bracket:
            self._close(bracket)
        return True

    def _step_in_string(self) -> bool:
        stop, self._at = _stop(_TO_QUOTE, self._octets, self._at)
        if self._depth == 0:
            self._start = self._at
        if stop is None:
            return False
        self._is_in_string = False
        if stop == b"\n":
            self._give_up()
        return True

    def _look_between(self, bracket: bytes | None) -> None:
        """Tell, once, of what stands between documents and does not belong there."""
        between = self._octets[self._start : self._at].strip(_BETWEEN)
        is_odd = (between or bracket == b'"') and not self._is_after_records
        if is_odd and not self._is_told:
            self._found.append(_NO_OBJECT)
            self._is_told = True
        if bracket in (b"{", b"["):
            self._is_told = False
        self._start = self._at

    def _open(self, bracket: bytes, is_last: bool) -> bool:
        at = self._at
        is_first_on_line = self._octets[at - 1 : at] == b"\n"
        if bracket == b"{" and (self._depth == 0 or is_first_on_line):
            prefix = RECORDS_PREFIX.match(self._octets, at)
            if prefix:
                self._give_up()
                self._is_in_records, self._is_after_records = True, False
                self._at = self._start = prefix.end()
                return True
            if len(self._octets) - at < _PREFIX_OCTETS and not is_last:
                return False
        self._at += 1
        is_at_top = not (self._is_in_array or self._is_in_records or self._is_after_records)
        if bracket == b"[" and self._depth == 0 and is_at_top:
            self._is_in_array = True
            self._start = self._at
        else:
            self._depth += 1
        return True

    def _close(self, bracket: bytes) -> None:
        if self._depth > 0:
            self._depth -= 1
            if self._depth == 0:
                self._take()
            return
        self._start = self._at
        if bracket == b"]" and self._is_in_records:
            self._is_in_records, self._is_after_records = False, True
        elif bracket == b"}" and self._is_after_records:
            self._is_after_records = False
        elif bracket == b"]" and self._is_in_array:
            self._is_in_array = False
        else:
            self._found.append(_UNOPENED)

    def _take(self) -> None:
        self._mark_length()
        if self._is_too_long:
            cure = f"at most {self._max_octets} octets are read; split it"
            self._found.append(Damage("a document is too long", cure))
        else:
            self._found.append(self._octets[self._start : self._at])
        self._start = self._at
        self._is_too_long = False

    def _give_up(self) -> None:
        """Leave the document that was begun."""
        if self._depth > 0:
            self._found.append(_CUT)
        self._depth = 0
        self._is_too_long = False
        self._start = self._at

    def _mark_length(self) -> None:
        """Keep nothing of a document that is too long, though its end is looked for."""
        if self._at - self._start > self._max_octets:
            self._is_too_long = True
        if self._is_too_long:
            self._start = self._at


def _stop(pattern: re.Pattern[bytes], octets: bytes, at: int) -> tuple[bytes | None, int]:
    """Return what the pattern stops at, and where it ends; it matches anything, if only nothing."""
    found = pattern.match(octets, at)
    return (found[1], found.end()) if found else (None, at)
