# SPDX-License-Identifier: Apache-2.0
"""Every parameter that the simulator draws, with its unit, its law and where the law comes from.

``docs/concepts/simulator.md`` shows this table; a test holds the page to it. "chosen" means that
no measurement stands behind a law: it is wide, so that a model cannot lean on one network.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from minewatch.lab.simulator.laws import (
    Choice,
    Exponential,
    Fixed,
    Floats,
    Law,
    Lognormal,
    LogUniform,
    Pareto,
    Rng,
    Uniform,
)

Per: TypeAlias = Literal["conversation", "host", "pool", "miner", "message", "job"]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One drawn number."""

    unit: str
    law: Law
    per: Per
    source: str

    def draw(self, rng: Rng, n: int) -> Floats:
        """Return `n` independent values."""
        return self.law.draw(rng, n)

    def one(self, rng: Rng) -> float:
        """Return one value."""
        return float(self.law.draw(rng, 1)[0])

    def whole(self, rng: Rng, n: int) -> npt.NDArray[np.int64]:
        """Return `n` values, rounded."""
        return np.rint(self.law.draw(rng, n)).astype(np.int64)


_CHOSEN = "chosen"
_XMRIG = "XMRig 6.26 on the wire"
_RFC = "RFC"

PARAMETERS: Final[dict[str, Parameter]] = {
    # Networks
    "rtt_internet": Parameter(
        "s", Lognormal(0.04, 0.9, 0.002, 0.4), "conversation", "chosen: same city to other side"
    ),
    "rtt_cloud": Parameter(
        "s", Lognormal(0.0008, 0.8, 0.0001, 0.02), "conversation", "chosen: one region of a cloud"
    ),
    "rtt_pool": Parameter(
        "s", Lognormal(0.06, 0.8, 0.004, 0.4), "pool", "lab with XMRig: 16 to 300 ms"
    ),
    "jitter_share": Parameter("rtt", Lognormal(0.03, 1.0, 0.002, 0.3), "conversation", _CHOSEN),
    "loss_internet": Parameter(
        "1", Choice({0.0: 0.6, 0.0005: 0.2, 0.003: 0.15, 0.015: 0.05}), "conversation", _CHOSEN
    ),
    "loss_cloud": Parameter("1", Choice({0.0: 0.95, 0.0002: 0.05}), "conversation", _CHOSEN),
    "mss_internet": Parameter(
        "octets",
        Choice({1460: 0.62, 1452: 0.1, 1448: 0.03, 1440: 0.06, 1400: 0.09, 1380: 0.05, 1360: 0.05}),
        "conversation",
        "Ethernet, PPPoE, tunnels",
    ),
    "mss_cloud": Parameter(
        "octets", Choice({1460: 0.75, 1418: 0.1, 1410: 0.1, 1360: 0.05}), "host", "Ethernet, VXLAN"
    ),
    "timestamps_internet": Parameter(
        "1", Choice({1: 0.72, 0: 0.28}), "conversation", "Linux, macOS on; Windows off"
    ),
    "ack_delay_internet": Parameter(
        "s", Choice({0.04: 0.7, 0.05: 0.12, 0.1: 0.08, 0.2: 0.1}), "conversation", "Linux, Windows"
    ),
    "rate": Parameter(
        "octets/s", LogUniform(4e5, 1.2e8), "conversation", "3 Mbit/s to 1 Gbit/s: chosen"
    ),
    "tcp_keepalive": Parameter(
        "s",
        Choice({np.inf: 0.7, 60: 0.1, 75: 0.05, 300: 0.1, 7200: 0.05}),
        "conversation",
        "programs' own settings",
    ),
    # TLS
    "tls13_share": Parameter("1", Choice({1: 0.75, 0: 0.25}), "conversation", _CHOSEN),
    "certificates": Parameter(
        "octets", Lognormal(2600, 0.45, 750, 5500), "conversation", "chosen: self-signed to 3 links"
    ),
    # Mining: pools (measured on public captures; programs' own settings)
    "pool_processing": Parameter("s", Lognormal(0.002, 0.9, 0.0002, 0.08), "pool", _CHOSEN),
    "pool_push_delay": Parameter(
        "s", Lognormal(0.02, 1.0, 0.001, 0.9), "miner", "order in which a pool serves: chosen"
    ),
    "pool_reject_ratio": Parameter("1", Uniform(0.0, 0.05), "pool", _CHOSEN),
    # Mining: miners
    "pool_late_share": Parameter(
        "1", LogUniform(0.002, 0.2), "pool", "answers that take long: chosen around one real pool"
    ),
    "pool_late": Parameter(
        "s", Lognormal(0.12, 1.0, 0.03, 8), "message", "how long they take: chosen"
    ),
    "refresh_late": Parameter(
        "s", Choice({0: 0.6, 0.5: 0.2, 4.3: 0.2}), "pool", "sigma; a real pool's refresh of 120 s"
    ),
    "rate_sigma": Parameter("1", Uniform(0.1, 0.9), "miner", "chosen around one real source: 0.35"),
    "began_before": Parameter("1", Fixed(0.8), "miner", "share of a life: chosen"),
    "mining_life": Parameter(
        "s", Lognormal(2400, 1.3, 20, 172_800), "conversation", "XMR measured: minutes to 34 h"
    ),
    "retry": Parameter("s", Choice({5: 0.8, 1: 0.1, 30: 0.1}), "conversation", _XMRIG),
    # Mining: evasions
    "hop_mean": Parameter("s", LogUniform(120, 1800), "miner", _CHOSEN),
    # Normal life
    "web_think": Parameter("s", Lognormal(4.0, 1.2, 0.2, 50), "message", _CHOSEN),
    "web_requests": Parameter("1", Pareto(1, 1.3, 80), "conversation", _CHOSEN),
    "web_reply": Parameter("octets", Lognormal(2500, 1.4, 120, 1e6), "message", "heavy tail"),
    "web_upload": Parameter("octets", Lognormal(700, 0.6, 200, 6000), "message", "with cookies"),
    "download": Parameter("octets", Pareto(15_000, 1.15, 4e6), "conversation", "heavy tail"),
    "server_time": Parameter("s", Lognormal(0.008, 1.3, 0.0002, 5), "message", _CHOSEN),
    "api_calls": Parameter("1", Lognormal(6, 1.0, 1, 300), "conversation", _CHOSEN),
    "api_gap": Parameter("s", Lognormal(1.2, 1.5, 0.01, 55), "message", _CHOSEN),
    "query": Parameter("octets", Lognormal(110, 0.8, 24, 4000), "message", "pgbench: 60 to 250"),
    "rows": Parameter("octets", Lognormal(180, 1.3, 40, 200_000), "message", _CHOSEN),
    "long_life": Parameter(
        "s", Lognormal(7200, 1.1, 300, 172_800), "conversation", "idle pools, brokers, watches"
    ),
    "middle_life": Parameter("s", Lognormal(600, 1.2, 20, 20_000), "conversation", _CHOSEN),
    "heartbeat": Parameter(
        "s",
        Choice({5: 0.1, 10: 0.15, 15: 0.1, 30: 0.3, 60: 0.3, 120: 0.05}),
        "conversation",
        "programs' own settings",
    ),
    "telemetry": Parameter(
        "s", Choice({80: 0.4, 60: 0.2, 30: 0.2, 300: 0.2}), "conversation", "lock hubs: 80 s"
    ),
    "telemetry_octets": Parameter("octets", Lognormal(90, 0.7, 8, 900), "conversation", _CHOSEN),
    "event": Parameter("octets", Lognormal(260, 0.9, 16, 12_000), "message", _CHOSEN),
    "event_gap": Parameter("s", LogUniform(4.0, 300), "conversation", "mean gap of pushes"),
    "keystroke": Parameter("s", Lognormal(0.25, 1.1, 0.03, 120), "message", _CHOSEN),
    "pause": Parameter("s", Lognormal(15, 1.2, 2, 900), "message", "a person reads: chosen"),
    "scrape": Parameter("s", Choice({15: 0.7, 30: 0.2, 60: 0.1}), "conversation", "Prometheus"),
    "scrape_reply": Parameter(
        "octets", Lognormal(9_000, 0.6, 2500, 90_000), "conversation", "node exporter, gzip"
    ),
    "block_mean": Parameter(
        "s", Choice({600: 0.7, 150: 0.15, 75: 0.15}), "conversation", "Bitcoin, Litecoin, Zcash"
    ),
    "job_work": Parameter("s", Lognormal(30, 0.8, 0.5, 600), "message", "lab: about 30"),
    "mail": Parameter("octets", Pareto(1500, 1.2, 3e6), "conversation", "heavy tail"),
    "vpn_keepalive": Parameter(
        "s", Choice({25: 0.7, 10: 0.2, 60: 0.1}), "conversation", "WireGuard"
    ),
    "package": Parameter("octets", Pareto(9000, 1.0, 5e6), "message", "Debian packages"),
    "burst_gap": Parameter("s", Exponential(0.02, 0.0005, 2), "message", _CHOSEN),
}
"""By name."""


def parameter(name: str) -> Parameter:
    """Return a parameter by name.

    Examples
    --------
    >>> parameter("scrape").unit
    's'
    """
    return PARAMETERS[name]


def table() -> str:
    """Return the parameters as a Markdown table, as the documentation shows it."""
    lines = ["| parameter | unit | law | drawn per | source |", "|---|---|---|---|---|"]
    lines += [
        f"| `{name}` | {p.unit} | {p.law} | {p.per} | {p.source} |"
        for name, p in PARAMETERS.items()
    ]
    return "\n".join(lines) + "\n"
