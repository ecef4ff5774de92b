# SPDX-License-Identifier: Apache-2.0
"""When the blocks of a chain were found: from a file that the user supplies."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from minewatch.errors import ConfigError, SourceError
from minewatch.types import Int64Array

MAX_BLOCKS: Final = 5_000_000
"""More than any chain that is mined on processors has; nine years of a block a minute."""
MAX_LINE_OCTETS: Final = 4096
LEAST_INTERVAL_S: Final = 10
"""A block that comes within this of the one before is left out, as in the paper's program: what
follows it cannot be told from what follows the other."""
EARLIEST_S, LATEST_S = 1_230_768_000, 4_102_444_800
"""2009, when mining began, and 2100: other numbers are milliseconds, heights or nonsense."""
_CURE: Final = "write one block a line, its time in seconds since 1970 first: 1603311580,2213491"


@dataclass(frozen=True, slots=True)
class BlockTimes:
    """Blocks of one chain.

    Parameters
    ----------
    time_ns : when each was heard of, rising, none within ``LEAST_INTERVAL_S`` of another.
    name : where they come from.
    """

    time_ns: Int64Array
    name: str

    def __len__(self) -> int:
        """Return the number of blocks."""
        return len(self.time_ns)


def block_times(seconds: list[float], name: str) -> BlockTimes:
    """Return blocks in order, without those on each other's heels.

    Parameters
    ----------
    seconds : since 1970, in any order.
    name : where they come from.

    Examples
    --------
    >>> block_times([1_600_000_300, 1_600_000_000, 1_600_000_304], "a").time_ns // 10**9
    array([1600000000, 1600000300])
    """
    time_ns = np.sort(np.rint(np.array(seconds, np.float64) * 1e9).astype(np.int64))
    apart = np.diff(time_ns, prepend=np.int64(0)) >= LEAST_INTERVAL_S * 10**9
    return BlockTimes(time_ns[apart], name)


def load_block_times(path: str | Path) -> BlockTimes:
    """Read block times from a CSV: seconds since 1970 first; what follows is not looked at.

    The first line may be a header (it begins with no digit); empty lines and those that begin with
    ``#`` are passed over. The times are those at which a node *heard* of the blocks: what miners
    write into them may be a minute off.

    Parameters
    ----------
    path : the file.

    Raises
    ------
    SourceError : it cannot be read.
    ConfigError : a line is no block, there are too many, or none.
    """
    seconds: list[float] = []
    try:
        with Path(path).open(encoding="utf-8-sig", errors="replace") as file:
            number = 0
            while line := file.readline(MAX_LINE_OCTETS):
                number += 1
                if len(line) == MAX_LINE_OCTETS and not line.endswith("\n"):
                    raise ConfigError(f"{path}:{number}: a line without an end; {_CURE}")
                text = line.strip()
                if not text or text.startswith("#"):
                    continue
                found = _seconds(text)
                if found is None:
                    if number == 1 and not text[0].isdigit():
                        continue
                    raise ConfigError(f"{path}:{number}: {text[:40]!r} is no block; {_CURE}")
                if len(seconds) == MAX_BLOCKS:
                    raise ConfigError(
                        f"{path}:{number}: more than {MAX_BLOCKS:,} blocks; cut the file to the "
                        "time of the traffic"
                    )
                seconds.append(found)
    except OSError as error:
        reason = error.strerror or "cannot be read"
        raise SourceError(str(path), f"{reason}; name a CSV of block times") from error
    if not seconds:
        raise ConfigError(f"{path}:1: no blocks; {_CURE}")
    return block_times(seconds, str(path))


def _seconds(line: str) -> float | None:
    """The time at the beginning of a line, None if there is none that can be a block's."""
    try:
        found = float(line.split(",", 1)[0])
    except ValueError:
        return None
    return found if EARLIEST_S <= found <= LATEST_S else None
