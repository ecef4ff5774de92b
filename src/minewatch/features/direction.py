# SPDX-License-Identifier: Apache-2.0
"""Which half of a biflow is which: who watches, and who is the client.

Two orientations are in use, because two questions are asked:

* *outbound* (the paper's): packets that leave the watched side (``is_source_home``);
* *sent* (this project's): packets of the client. The initiator is the client when a SYN told
  who opened; a conversation met in its middle may begin with a packet of the server, so then the
  end with the ephemeral port is the client, as systems choose them; where both ends have one, or
  neither, the watched side; and only if that is unknown too the sender of the first packet.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from minewatch.address import EPHEMERAL
from minewatch.types import BoolArray, FloatArray


def column(frame: pl.DataFrame, name: str) -> FloatArray:
    """Return a column as float64, NaN where it is null, all NaN if it is absent.

    Examples
    --------
    >>> column(pl.DataFrame({"packets": [1, None]}), "packets")
    array([ 1., nan])
    >>> column(pl.DataFrame({"packets": [1, None]}), "octets")
    array([nan, nan])
    """
    if name not in frame.columns:
        return pl.Series([None] * frame.height, dtype=pl.Float64).to_numpy(writable=True)
    return frame[name].cast(pl.Float64).to_numpy(writable=True)


def forward_is_outbound(frame: pl.DataFrame) -> FloatArray:
    """Return 1 where initiator to responder leaves the watched side, 0 where not, NaN if unknown.

    Examples
    --------
    >>> forward_is_outbound(pl.DataFrame({"is_source_home": [True, False, None]}))
    array([ 1.,  0., nan])
    """
    return column(frame, "is_source_home")


def forward_is_sent(frame: pl.DataFrame) -> BoolArray:
    """Return true where the initiator of the record is the client.

    Examples
    --------
    >>> frame = pl.DataFrame(
    ...     {"is_initiator_known": [True, False, False], "is_source_home": [False, False, None]}
    ... )
    >>> forward_is_sent(frame)
    array([ True, False,  True])
    >>> ports = {"source_transport_port": [3333], "destination_transport_port": [53266]}
    >>> forward_is_sent(pl.DataFrame({"is_source_home": [True], **ports}))
    array([False])
    """
    is_known = column(frame, "is_initiator_known") == 1
    is_home = column(frame, "is_source_home") != 0  # unknown: the first sender
    source, destination = (
        column(frame, f"{end}_transport_port") >= EPHEMERAL for end in ("source", "destination")
    )
    by_port = np.where(source == destination, is_home, source)
    result: BoolArray = np.where(is_known, True, by_port)
    return result


def directed(
    frame: pl.DataFrame, name: str, is_forward: FloatArray | BoolArray
) -> tuple[FloatArray, FloatArray]:
    """Return a counter and its reverse as (near to far, far to near).

    Parameters
    ----------
    frame : rows with ``name`` and ``reverse_<name>``; NaN where they are absent or null.
    name : a counter's column.
    is_forward : per row 1 if the initiator is the near side, 0 if not, NaN if unknown; then
        both results are NaN.

    Examples
    --------
    >>> frame = pl.DataFrame({"octet": [1, 1, 1], "reverse_octet": [2, 2, 2]})
    >>> directed(frame, "octet", np.array([1.0, 0.0, np.nan]))
    (array([ 1.,  2., nan]), array([ 2.,  1., nan]))
    """
    forward, reverse = column(frame, name), column(frame, f"reverse_{name}")
    is_unknown = np.isnan(is_forward)
    near = np.where(is_forward == 1, forward, reverse)
    far = np.where(is_forward == 1, reverse, forward)
    return np.where(is_unknown, np.nan, near), np.where(is_unknown, np.nan, far)
