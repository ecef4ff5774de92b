# SPDX-License-Identifier: Apache-2.0
"""Compositions that take the circumstances of real captures, so that made ones can be compared.

A real source has few pools, few hosts and one pair of programs. A simulation of everything can be
told from it by these alone. Here they are taken over, as medians and ranges; what happens from
packet to packet is not: the simulator has to get that right by itself.

Examples
--------
>>> str(CIRCUMSTANCES["xmrig-lab"].pools[0].rtt)
'always 0.028'
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf
from typing import Final

from minewatch.lab.plan import Transport
from minewatch.lab.simulator.distributions import Parameter, parameter
from minewatch.lab.simulator.laws import Choice, Fixed, Law, Lognormal, LogUniform


@dataclass(frozen=True, slots=True)
class System:
    """How a miner's host speaks TCP."""

    weight: float
    """How common it is."""
    ack_delay_s: float = 0.04
    """0.04: as Linux, and macOS alike, which acknowledge what is pushed to them at once."""
    has_timestamps: bool = True
    keepalive_s: float = 60.0
    miner_options: Mapping[str, object] = field(default_factory=dict)
    """What its miner calls itself and offers, where the dialect knows that."""
    share_gap: Law | None = None
    """Of its miners, where it is not the pool kind's."""


@dataclass(frozen=True, slots=True)
class PoolKind:
    """Pools of a real source."""

    dialect: str
    ticker: str
    port: int
    rtt: Law
    processing: Law
    share_gap: Law
    """Mean gap of one miner's shares [s]."""
    block_mean_s: float
    refresh_s: float
    refresh_late_s: float = 0.0
    """A refresh comes later than that by the size of a normal number of this sigma [s]."""
    transport: Transport = "tcp"
    certificates: int = 1_000
    miner_options: Mapping[str, object] = field(default_factory=dict)
    algorithm: str = ""
    """Empty: any of the dialect and ticker."""


@dataclass(frozen=True, slots=True)
class Circumstances:
    """Who mines where, and over what networks."""

    source: str
    """The captures, and where the numbers come from."""
    pools: tuple[PoolKind, ...] = ()
    """One miner after another takes the next; none: the composition draws its own."""
    systems: tuple[System, ...] = (
        System(0.78),
        System(0.14, keepalive_s=inf),
        System(0.07, has_timestamps=False),
        System(0.01, has_timestamps=False, keepalive_s=inf),
    )
    laws: Mapping[str, Parameter] = field(default_factory=dict)
    """Parameters that differ from those of ``distributions``."""

    def parameter(self, name: str) -> Parameter:
        """Return a parameter by name, as it is here."""
        return self.laws.get(name) or parameter(name)


def _as(name: str, law: Law, source: str) -> dict[str, Parameter]:
    usual = parameter(name)
    return {name: Parameter(usual.unit, law, usual.per, source)}


_MEASURED: Final = "medians of its conversations"

_OF_3: Final = (
    "cn/1 cn/2 cn/r cn/wow cn/fast cn/half cn/xao cn/rto cn/rwz cn/zls cn/double cn/gpu cn-lite/1 "
    "cn-heavy/0 cn-heavy/tube cn-heavy/xhv cn-pico rx/0 rx/wow rx/loki argon2/chukwa argon2/wrkz"
)
_OF_6: Final = (
    "cn/1 cn/2 cn/r cn/fast cn/half cn/xao cn/rto cn/rwz cn/zls cn/double cn-lite/1 cn-heavy/0 "
    "cn-heavy/tube cn-heavy/xhv cn-pico cn-pico/tlo cn/ccx rx/0 rx/wow rx/arq rx/sfx rx/keva "
    "argon2/chukwa argon2/chukwav2 argon2/wrkz astrobwt"
)


def _xmrig(version: str, algorithms: str) -> dict[str, object]:
    return {"agent": f"XMRig/{version} clang/10.0.1", "algorithms": algorithms}


_MAC_3: Final = _xmrig("3.1.2 (Macintosh; Intel Mac OS X) libuv/1.27.0", _OF_3)
_MAC_6: Final = _xmrig("6.8.1 (Macintosh; macOS; x86_64) libuv/1.40.0", _OF_6)
_LINUX: Final = _xmrig("6.11.1 (Linux x86_64) libuv", _OF_6)
_WINDOWS: Final = _xmrig("6.11.2 (Windows NT 10.0; Win64; x64) libuv/1.41.0", _OF_6)

_F2POOL: Final = Circumstances(
    source="cj-sniffer, XMR: 62 conversations with f2pool, 2020 and 2021, from three homes",
    pools=(
        PoolKind(
            dialect="cryptonote-f2pool",
            ticker="XMR",
            port=13531,
            rtt=Lognormal(0.183, 0.06, 0.163, 0.25),
            processing=Lognormal(0.002, 0.8, 0.0004, 0.02),
            share_gap=Fixed(15),
            block_mean_s=120.0,
            refresh_s=120.0,
            refresh_late_s=4.3,
        ),
    ),
    systems=(
        System(0.14, miner_options=_MAC_3, share_gap=Lognormal(15.5, 0.3, 8, 30)),
        System(0.14, miner_options=_MAC_6, share_gap=Lognormal(15.5, 0.3, 8, 30)),
        System(0.17, 0.04, False, 60.0, _MAC_6, Lognormal(12, 0.35, 7, 25)),
        System(0.11, 0.04, False, 60.0, _LINUX, Lognormal(13, 0.55, 8, 26)),
        System(0.36, 0.048, False, inf, _WINDOWS, Choice({96.0: 0.47, 9.5: 0.43, 5.2: 0.1})),
        # Its timer of 200 ms.
        System(0.08, 0.12, False, inf, _WINDOWS, Lognormal(9, 0.4, 5, 13)),
    ),
    laws={
        **_as("jitter_share", Lognormal(0.25, 0.9, 0.02, 1.0), _MEASURED),
        **_as("loss_internet", Lognormal(0.007, 1.1, 0.0002, 0.05), "retransmissions: 2 %"),
        **_as("mining_life", Lognormal(6_500, 1.2, 60, 100_000), "median 1.8 h, to 27 h"),
        **_as(
            "pool_late_share",
            Lognormal(0.015, 1.6, 0.001, 0.5),
            "bare acknowledgements of the pool",
        ),
        **_as("rate_sigma", Fixed(0.35), "shares of ten minutes: variance 1.6 times the mean"),
        **_as("pool_push_delay", Lognormal(0.02, 1.0, 0.001, 0.9), "chosen"),
        **_as("began_before", Fixed(0), "captures begin before the miner does"),
    },
)


def _of_lab(
    dialect: str,
    port: int,
    delay_s: float,
    block_mean_s: float,
    share_gap_s: float,
    *,
    ticker: str = "XMR",
    refresh_s: float = 1e6,
    transport: Transport = "tcp",
) -> PoolKind:
    return PoolKind(
        dialect=dialect,
        ticker=ticker,
        port=port,
        rtt=Fixed(delay_s + 0.01),
        processing=Lognormal(0.004, 0.6, 0.001, 0.05),
        share_gap=Fixed(share_gap_s),
        block_mean_s=block_mean_s,
        refresh_s=refresh_s,
        transport=transport,
    )


_XMRIG_LAB: Final = Circumstances(
    source="lab-xmrig: XMRig 6.26 with six pools of its README; delays, gaps of jobs and shares "
    "as in the captures",
    pools=(
        _of_lab("cryptonote", 3333, 0.018, 75, 43),
        _of_lab("cryptonote-multicoin", 10128, 0.070, 120, 31, refresh_s=27),
        _of_lab("cryptonote-multicoin", 3333, 0.110, 52, 75, ticker="DOGE"),
        _of_lab("cryptonote", 443, 0.040, 75, 75, transport="tls1.3"),
        _of_lab("cryptonote-proxy", 80, 0.160, 92, 25),
        _of_lab("cryptonote-p2pool", 3333, 0.006, 4.8, 77),
        _of_lab("cryptonote-multicoin", 3333, 0.110, 52, 66, ticker="RVN"),
        _of_lab("cryptonote", 443, 0.040, 71, 69, transport="tls1.3"),
    ),
    systems=(System(1.0),),
    laws={
        **_as("jitter_share", Fixed(0.1), "README: a user-space switch on a busy machine"),
        **_as("loss_internet", Fixed(0.0005), "README: some loss"),
        **_as("mining_life", Fixed(2_400), "README: 40 minutes"),
        **_as("pool_late_share", Fixed(0.001), "hardly a bare acknowledgement of a pool"),
        **_as("rate_sigma", Fixed(0.8), "chosen: gaps with a heavier tail than exponential"),
        **_as("pool_reject_ratio", Fixed(0), "pools validate nothing"),
        **_as("began_before", Fixed(0), "captures begin before the miners do"),
    },
)

_ETHMINER: Final = Circumstances(
    source="cj-sniffer, ETH: six conversations with one pool, 2021, from one home",
    pools=(
        PoolKind(
            dialect="eth-proxy",
            ticker="ETH",
            port=6688,
            rtt=Lognormal(0.0195, 0.03, 0.018, 0.022),
            processing=Lognormal(0.085, 0.03, 0.08, 0.1),
            share_gap=LogUniform(250.0, 1_500.0),
            block_mean_s=13.0,
            refresh_s=1.5,
            refresh_late_s=0.3,
            miner_options={"program": "ethminer", "hashrate_s": "0"},
        ),
    ),
    systems=(System(1.0, 0.041, has_timestamps=False, keepalive_s=inf),),
    laws={
        **_as("jitter_share", Lognormal(0.03, 0.5, 0.005, 0.1), _MEASURED),
        **_as("loss_internet", Lognormal(0.004, 0.8, 0.0003, 0.02), _MEASURED),
        **_as("mining_life", Lognormal(1_600, 1.1, 80, 20_000), "median 27 min, to 2.2 h"),
        **_as("pool_late_share", Fixed(0.02), "chosen"),
        **_as("rate_sigma", Fixed(0.35), "as of XMR"),
        **_as("began_before", Fixed(0), "captures begin before the miner does"),
    },
)

CIRCUMSTANCES: Final[Mapping[str, Circumstances]] = {
    "wild": Circumstances("everything: the parameters above"),
    "look-alikes": Circumstances("everything, long-lived services the most: the parameters above"),
    "paper": Circumstances("the paper's servers"),
    "f2pool": _F2POOL,
    "xmrig-lab": _XMRIG_LAB,
    "ethminer": _ETHMINER,
}
"""By composition."""


def table() -> str:
    """Return what is taken from real sources as a Markdown table, as the documentation shows it."""
    lines = ["| composition | what | law | source |", "|---|---|---|---|"]
    for name, here in CIRCUMSTANCES.items():
        for kind in here.pools:
            where = f"`{kind.dialect}` {kind.ticker}, {kind.transport} {kind.port}"
            refresh = "" if kind.refresh_s > 1e5 else f", refreshed after {kind.refresh_s:g} s"
            late = f" and {kind.refresh_late_s:g} s x abs. normal" if kind.refresh_late_s else ""
            law = (
                f"round trip [s] {kind.rtt}; answers in [s] {kind.processing}; shares every [s]"
                f" {kind.share_gap}; blocks every {kind.block_mean_s:g} s{refresh}{late}"
            )
            lines.append(f"| {name} | {where} | {law} | {here.source} |")
        if here.pools:
            lines.append(f"| {name} | systems | {_systems(here.systems)} | packets |")
        lines += [f"| {name} | `{key}` | {p.law} | {p.source} |" for key, p in here.laws.items()]
    return "\n".join(lines) + "\n"


def _systems(systems: tuple[System, ...]) -> str:
    return "; ".join(
        f"{s.weight:.0%}".replace("%", " %")
        + f": acknowledges after {s.ack_delay_s * 1e3:g} ms, "
        + ("timestamps" if s.has_timestamps else "no timestamps")
        + ("" if s.keepalive_s == inf else f", probes after {s.keepalive_s:g} s")
        + (f", shares every [s] {s.share_gap}" if s.share_gap else "")
        for s in systems
    )
