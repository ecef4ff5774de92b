# SPDX-License-Identifier: Apache-2.0
"""Verdicts, and consoles whose text can be read back."""

import math
from collections.abc import Callable
from typing import Any

import polars as pl
import pytest
from rich.console import Console

from minewatch.allow.marking import COLUMNS
from minewatch.types import Evidence, Verdict

EVIDENCE = (
    Evidence("stratum_state", "session", "text", 13.12345678, "A login was answered with a job."),
    Evidence("packets_ratio", math.inf, "1", -0.5, "Packets\x1b[2J ratio."),
    Evidence("stratum_coin_hint", None, "text", 0.0, "A remark."),
)

ALLOWANCE = {"owner": "ops", "reason": "a course", "expires": "2027-01-31", "place": "a.toml:3"}
TRANSIT = {"end": "far", "address": "198.51.100.1", "name": "office VPN"}


@pytest.fixture
def with_known() -> Callable[..., pl.DataFrame]:
    """Add what the user said of the ends; parts replaced by name."""

    def build(frame: pl.DataFrame, **parts: Any) -> pl.DataFrame:
        values: dict[str, Any] = {"tags": ["lab", "transit"], "transit": TRANSIT}
        values |= {"allowed_by": ALLOWANCE, "expired_allowance": None} | parts
        columns = COLUMNS.items()
        return frame.with_columns(pl.Series(n, [values[n]] * frame.height, t) for n, t in columns)

    return build


@pytest.fixture
def verdict() -> Callable[..., Verdict]:
    """Build a verdict; parts replaced by name."""

    def build(**parts: Any) -> Verdict:
        values: dict[str, Any] = {
            "flow_id": 1,
            "mining_probability": 0.9,
            "label": "mining",
            "detectors": {"signature": 0.999, "intel": None},
            "evidence": EVIDENCE,
        }
        return Verdict(**values | parts)

    return build


@pytest.fixture
def console() -> Console:
    return Console(record=True, width=100, markup=False, highlight=False)
