# SPDX-License-Identifier: Apache-2.0
"""Who mines where and how: miners on servers, their pools, and what hides them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from random import Random
from typing import Final

from minewatch.lab.dialects.economy import Coin, ways_in
from minewatch.lab.logins import draw_login
from minewatch.lab.plan import Miner, Pool, Transport
from minewatch.lab.simulator.circumstances import CIRCUMSTANCES, Circumstances, PoolKind, System
from minewatch.lab.simulator.laws import Law, Rng
from minewatch.lab.simulator.settings import Settings
from minewatch.lab.simulator.world import World, server_name

PLAIN_PORTS: Final = (3333, 3333, 5555, 7777, 4444, 8888, 3334, 10128, 13531, 14444, 80, 1118)
TLS_PORTS: Final = (14433, 5556, 20128, 12222, 9999, 4445)
ODD_PORTS: Final = (80, 8080, 53, 995, 6379, 2222, 25, 50001)

DIALECT_WEIGHTS: Final = {
    "cryptonote": 8.0,
    "cryptonote-multicoin": 4.0,
    "cryptonote-p2pool": 2.0,
    "cryptonote-proxy": 2.0,
}
"""How common dialects are on servers; all others 1. Chosen: RandomX is what processors mine."""

SHARED: Final = 0.5
"""Share of miners that join a pool which another one uses already. Chosen."""
PLAIN_TLS: Final = 0.2
"""Share of pools that offer TLS on a port of their own without meaning to hide. Chosen."""

_PAPER: Final = ("DOGE", "ETC", "ETH", "RVN", "XMR")
_PAPER_POOLS: Final = 2
"""Pools of each coin. The paper says "different mining pools", not how many: chosen. A server mines
one coin, as one runs XMRig with one configuration."""
_JSON_LINES_ONLY: Final = frozenset({"padding"})


@dataclass(frozen=True, slots=True)
class Place:
    """Where a pool, or what stands before it, is seen."""

    pool: Pool
    address: int
    """That the miner's server talks to."""
    port: int
    real_address: int
    """Of the pool itself, behind a SOCKS5 proxy."""
    rtt_s: float
    processing_s: float
    certificates: int
    late_share: float
    """Of its answers, those that take long."""
    refresh_late_s: float


@dataclass(frozen=True, slots=True)
class Venture:
    """One miner on one server and the places it goes to."""

    server: int
    miner: Miner
    places: tuple[Place, ...]
    push_delay_s: float
    dialect: str
    system: System
    rate_sigma: float
    options: Mapping[str, object] = field(default_factory=dict)
    """Of the miner, what only some dialects know."""


def draw_ventures(
    settings: Settings, world: World, dialects: tuple[str, ...], rng: Rng, words: Random
) -> list[Venture]:
    """Draw miners until there are about three conversations for each.

    Parameters
    ----------
    settings : of the population.
    world : where pools get their addresses.
    dialects : all that there are.
    rng, words : sources of chance, for numbers and for texts.
    """
    here = CIRCUMSTANCES[settings.composition]
    drawing = _Drawing(world, here, rng, words)
    if here.pools:
        return [
            drawing.of_kind(i, i % settings.servers, here.pools[i % len(here.pools)])
            for i in range(settings.mining)
        ]
    if settings.composition == "paper":
        n = min(settings.mining, settings.servers * _PAPER_POOLS)
        return [drawing.paper(i, i % settings.servers, i // settings.servers) for i in range(n)]
    least = min(settings.mining, len(dialects) + 8)
    n = max(settings.mining // 3, least)
    # The rest of the servers never mine.
    miners = max(1, round(settings.servers * 0.7))
    hosts = rng.choice(settings.servers, miners, replace=False).tolist()
    weights = [DIALECT_WEIGHTS.get(name, 1.0) for name in dialects]
    wanted = list(dialects) + words.choices(dialects, weights, k=max(n - len(dialects), 0))
    return [
        drawing.wild(i, words.choice(hosts), dialect, settings.evasion)
        for i, dialect in enumerate(wanted[:n])
    ]


def _one(law: Law, rng: Rng) -> float:
    return float(law.draw(rng, 1)[0])


class _Drawing:
    def __init__(self, world: World, here: Circumstances, rng: Rng, words: Random) -> None:
        self._world, self._here, self._rng, self._words = world, here, rng, words
        self._shared: dict[tuple[str, str], list[tuple[Coin, Place, float]]] = {}
        self._pools = 0
        self._taken: set[tuple[int, int, int]] = set()
        self._of_paper: dict[tuple[str, int], tuple[Place, float]] = {}

    def paper(self, number: int, server: int, pool: int) -> Venture:
        """Return XMRig on a multi-coin or a plain pool, in the clear, paid in one of five coins."""
        ticker = _PAPER[server % len(_PAPER)]
        dialect = "cryptonote" if (ticker, pool) == ("XMR", 0) else "cryptonote-multicoin"
        coin = next(coin for coin in ways_in(dialect) if coin.ticker == ticker)
        if (ticker, pool) not in self._of_paper:
            rate = self._log_uniform(coin.hash_rates)
            place = self._place(dialect, coin, rate, "tcp", ())
            self._of_paper[ticker, pool] = (place, rate)
        place, of = self._of_paper[ticker, pool]
        rate = self._rate_near(of, coin)
        return self._settled(number, server, coin, rate, (place,), ())

    def of_kind(self, number: int, server: int, kind: PoolKind) -> Venture:
        """Return a miner of a pool as in real captures."""
        coin = next(coin for coin in ways_in(kind.dialect) if coin.ticker == kind.ticker)
        coin = replace(coin, block_mean_s=kind.block_mean_s)
        rate = self._log_uniform(coin.hash_rates)
        place = self._place(kind.dialect, coin, rate, kind.transport, ())
        made = self._settled(number, server, coin, rate, (place,), ())
        gap = made.system.share_gap or kind.share_gap
        pool = replace(
            place.pool,
            port=kind.port,
            refresh_s=kind.refresh_s,
            difficulty=max(rate * _one(gap, self._rng), 1.0),
            share_target_s=None,
        )
        place = replace(
            place,
            pool=pool,
            port=kind.port,
            rtt_s=_one(kind.rtt, self._rng),
            processing_s=_one(kind.processing, self._rng),
            certificates=kind.certificates,
            refresh_late_s=kind.refresh_late_s,
        )
        options = {**made.system.miner_options, **kind.miner_options}
        return replace(made, places=(place,), options=options)

    def wild(self, number: int, server: int, dialect: str, evasion: float) -> Venture:
        """Return a miner of a dialect; some hide."""
        evasions = self._evasions(dialect) if self._words.random() < evasion else ()
        transport: Transport = "tcp"
        hides = {"tls", "socks5", "ssh", "port", "proxy"} & set(evasions)
        if "tls" in evasions or (not hides and self._words.random() < PLAIN_TLS):
            transport = "tls1.3" if self._words.random() < 0.7 else "tls1.2"
        coin = self._words.choice(ways_in(dialect))
        return self._venture(number, server, dialect, coin, transport, evasions)

    def _evasions(self, dialect: str) -> tuple[str, ...]:
        names = ["tls", "tls", "port", "throttle", "socks5", "ssh", "hopping", "jitter"]
        if dialect not in ("stratum-v2",):
            names.append("padding")  # binary messages have no room
        if dialect == "cryptonote":
            names += ["proxy", "proxy"]
        if dialect == "coinhive":
            return ("tls", "websocket") if self._words.random() < 0.5 else ("websocket",)
        chosen = {self._words.choice(names) for _ in range(self._words.choice((1, 1, 2)))}
        if len(chosen & {"port", "tls"}) == 2:
            chosen.discard("port")
        if len(chosen & {"socks5", "ssh", "proxy"}) > 1:
            chosen -= {"socks5", "proxy"}
        return tuple(sorted(chosen))

    def _venture(
        self,
        number: int,
        server: int,
        dialect: str,
        coin: Coin,
        transport: Transport,
        evasions: tuple[str, ...],
    ) -> Venture:
        rate = self._log_uniform(coin.hash_rates)
        key = (dialect, transport)
        known = self._shared.get(key, [])
        free = [
            (way, place, of)
            for way, place, of in known
            if (server, place.address, place.port) not in self._taken and way == coin
        ]
        if not evasions and free and self._words.random() < SHARED:
            _, place, of = self._words.choice(free)
            rate = self._rate_near(of, coin)
            places = [place]
        else:
            count = 2 if "hopping" in evasions else 1
            places = [self._place(dialect, coin, rate, transport, evasions) for _ in range(count)]
            if not evasions:
                self._shared.setdefault(key, []).append((coin, places[0], rate))
        self._taken |= {(server, place.address, place.port) for place in places}
        return self._settled(number, server, coin, rate, tuple(places), evasions)

    def _rate_near(self, of: float, coin: Coin) -> float:
        """Return a hash rate that the difficulty of a pool, set for the rate `of`, fits too."""
        low, high = coin.hash_rates
        return min(max(of * 4 ** self._words.uniform(-0.5, 0.5), low), high)

    def _settled(
        self,
        number: int,
        server: int,
        coin: Coin,
        rate: float,
        places: tuple[Place, ...],
        evasions: tuple[str, ...],
    ) -> Venture:
        miner = Miner(
            name=f"miner-{number + 1}",
            host=server_name(server),
            pools=tuple(place.pool.name for place in places),
            login=draw_login(coin.ticker, coin.prefix, self._rig(), self._words),
            hash_rate=rate,
            evasions=evasions,
        )
        systems = self._here.systems
        return Venture(
            server,
            miner,
            places,
            self._here.parameter("pool_push_delay").one(self._rng),
            places[0].pool.dialect,
            self._words.choices(systems, [system.weight for system in systems])[0],
            self._here.parameter("rate_sigma").one(self._rng),
        )

    def _rig(self) -> str:
        return self._words.choice(("w", "rig", "vps", "node", "x")) + str(
            self._words.randrange(1000)
        )

    def _place(
        self,
        dialect: str,
        coin: Coin,
        rate: float,
        transport: Transport,
        evasions: tuple[str, ...],
    ) -> Place:
        self._pools += 1
        gap_s = self._log_uniform(coin.share_gap_s)
        address = self._world.pool_address()
        pool = Pool(
            name=f"{dialect}-{self._pools}",
            host=f"pool-{self._pools}",
            port=self._port(transport, evasions),
            dialect=dialect,
            coin=coin.ticker,
            algorithm=coin.algorithm,
            transport=transport,
            chain_seed=self._words.randrange(1 << 31),
            block_mean_s=coin.block_mean_s,
            refresh_s=self._log_uniform(coin.refresh_s),
            difficulty=max(rate * gap_s, 1.0),
            share_target_s=gap_s if self._words.random() < 0.5 else None,
            reject_ratio=self._here.parameter("pool_reject_ratio").one(self._rng),
        )
        seen, port = address, pool.port
        if "socks5" in evasions:
            seen, port = self._world.pool_address(), self._words.choice((1080, 9050, 443))
        elif "ssh" in evasions:
            port = self._words.choice((22, 443, 2222))
        return Place(
            pool=pool,
            address=seen,
            port=port,
            real_address=address,
            rtt_s=self._here.parameter("rtt_pool").one(self._rng),
            processing_s=self._here.parameter("pool_processing").one(self._rng),
            certificates=int(self._here.parameter("certificates").one(self._rng)),
            late_share=self._here.parameter("pool_late_share").one(self._rng),
            refresh_late_s=self._here.parameter("refresh_late").one(self._rng),
        )

    def _port(self, transport: Transport, evasions: tuple[str, ...]) -> int:
        if {"tls", "websocket"} & set(evasions):
            return 443
        if "port" in evasions:
            return self._words.choice(ODD_PORTS)
        return self._words.choice(PLAIN_PORTS if transport == "tcp" else TLS_PORTS)

    def _log_uniform(self, bounds: tuple[float, float]) -> float:
        low, high = bounds
        return float(low * (high / low) ** self._words.random())
