# SPDX-License-Identifier: Apache-2.0
"""Whether a sender's counters of what went *out* are of the same packets or of the way back.

RFC 3954 calls fields 1 and 2 incoming and 23 and 24 outgoing counters "associated with an IP
Flow" and says no more. Most routers count the same packets once more where they leave (a FortiGate
sends 1 and 23 equal, and each direction as a record of its own; others fill in one of the two, by
the direction of the interface), FreeBSD's ng_netflow always sends 0, and nProbe, Meraki and
FirePower count what came back ("dst->src" in nProbe's guide, "Flow Information Elements"). Taking
the first for the last would make a conversation of every one-way flow, so a sender must show what
it means: packets that went through a box are as many behind it, and answers are not.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from minewatch.types import BoolArray, Int64Array

LEAST_TELLING: Final = 8
"""Records of a sender that must tell before its counters are taken for the way back."""


class OutCounts:
    """What senders have shown so far.

    Parameters
    ----------
    senders : how many there are; each shows for itself.

    Examples
    --------
    >>> out, who = OutCounts(), np.zeros(8, np.int64)
    >>> out.are_reverse(np.arange(10, 18), np.arange(10, 18), who).any()
    np.False_
    >>> OutCounts().are_reverse(np.arange(10, 18), np.arange(12, 20), who).all()
    np.True_
    """

    def __init__(self, senders: int = 1) -> None:
        self._telling = np.zeros(senders, np.int64)
        self._different = np.zeros(senders, np.int64)

    def are_reverse(
        self,
        entered: npt.NDArray[np.integer],
        left: npt.NDArray[np.integer],
        sender: Int64Array,
    ) -> BoolArray:
        """Take note of records, and return for each whether what left is the way back.

        Parameters
        ----------
        entered : packets of the first counter, or octets where packets are not counted.
        left : the same of the other one.
        sender : number of who sent each record.
        """
        n = len(self._telling)
        # One packet and one answer are as many; and 0 is what leaves a counter out.
        is_telling = (left > 0) & (np.maximum(entered, left) > 1)
        is_different = is_telling & (entered > 0) & (entered != left)
        self._telling += np.bincount(sender[is_telling], minlength=n)
        self._different += np.bincount(sender[is_different], minlength=n)
        is_known = self._telling >= LEAST_TELLING
        reverse: BoolArray = (is_known & (2 * self._different > self._telling))[sender]
        return reverse
