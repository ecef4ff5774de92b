# SPDX-License-Identifier: Apache-2.0
"""Numbers about a running watch, as Prometheus shows them; anything may give some."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Measure:
    """One number.

    Parameters
    ----------
    name : in Prometheus's style, without ``minewatch_`` and without ``_total``.
    value : now.
    text : what it counts.
    labels : what it is about.
    is_counter : it only rises; else it goes up and down.
    """

    name: str
    value: float
    text: str
    labels: Mapping[str, str] = field(default_factory=dict)
    is_counter: bool = True


Measures = Callable[[], Iterable[Measure]]
"""Asked at each scrape, from another thread."""
