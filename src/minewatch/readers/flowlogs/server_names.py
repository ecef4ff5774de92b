# SPDX-License-Identifier: Apache-2.0
"""Names of servers that stand in a column of a log, each looked at once a block."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

from minewatch.readers.flowlogs.known_names import KnownNames
from minewatch.records import UNKNOWN


def server_places(texts: pl.Series, known: KnownNames) -> npt.NDArray[np.int32]:
    """Return the place of each name in ``Names.servers``; UNKNOWN for null.

    Parameters
    ----------
    texts : names.
    known : where new ones are kept, as far as there is room.

    Examples
    --------
    >>> from minewatch.records import Names
    >>> names = Names()
    >>> server_places(pl.Series(["b", None, "a", "b"]), KnownNames(names)).tolist(), names.servers
    ([0, -1, 1, 0], ['b', 'a'])
    """
    if texts.null_count() == len(texts):
        return np.full(len(texts), UNKNOWN, np.int32)
    places = {text: known.server(text) for text in texts.unique(maintain_order=True)}
    return np.array([places[text] for text in texts], np.int32)
