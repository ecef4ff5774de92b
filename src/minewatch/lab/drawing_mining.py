# SPDX-License-Identifier: Apache-2.0
"""Draws the miners of a lab, their pools, and how they hide.

First what must occur: each dialect on plain TCP, each evasion, TLS 1.2 and 1.3. Then, as long as
servers have room, each dialect over both versions of TLS.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Final

from minewatch.lab.dialects import DIALECTS
from minewatch.lab.dialects.economy import Coin, ways_in
from minewatch.lab.drawing_clocks import Clocks
from minewatch.lab.logins import draw_login
from minewatch.lab.plan import Miner, Pool, Service, Transport

PER_SERVER: Final = (2, 3)
"""Least and most miners on a server that mines, unless it takes more to show what must occur."""

POOLS_PER_HOST: Final = 4
NEW_HOST_RATIO: Final = 0.4
"""Share of pools that get a host of their own; many pools have several ports."""

SHARED_RATIO: Final = 0.5
"""Share of miners that join a pool which another server's miner uses, where there is one."""

PLAIN: Final = "cryptonote"
"""Dialect of miners behind a mining proxy, and of XMRig."""

PROXIED: Final = 3
"""Miners behind mining proxies: on one, if they are on different servers."""

BROWSER: Final = "coinhive"
"""Dialect that a web socket carries."""

BINARY: Final = "stratum-v2"

XMRIG_HASH_RATE: Final = 5.0
"""Of one thread in light mode [1/s]."""

PLAIN_PORTS: Final = (3333, 4444, 5555, 7777, 14444, 3334, 8008, 10128, 13531, 3032)
TLS_PORTS: Final = (20128, 9999, 14433, 5556, 12222, 33333, 8443)
ODD_PORTS: Final = (22, 25, 53, 110, 993, 995, 8080, 5432, 6379, 27017)
"""Ports that other services are known by."""

_ABOUT_SHARES: Final = frozenset({"padding", "throttle", "jitter"})
_SHARING: Final = ((), ("proxy",))
"""Evasions of miners that others may join: they always share a mining proxy, a pool sometimes."""

_OVER_TLS: Final = frozenset({"tls", "websocket"})


@dataclass(slots=True)
class Mining:
    """What was drawn."""

    pools: list[Pool] = field(default_factory=list)
    miners: list[Miner] = field(default_factory=list)
    services: list[Service] = field(default_factory=list)
    """SOCKS5 proxies and SSH servers that only miners use."""
    pool_hosts: int = 0
    """``pool-1`` and so on."""
    proxy_hosts: int = 0


@dataclass(slots=True)
class _Shared:
    """A pool that further miners may join."""

    pool: Pool
    coin: Coin
    rate: float
    """Hash rate that its difficulty is made for [1/s]."""
    servers: set[str]


@dataclass(frozen=True, slots=True)
class Wish:
    """A miner that is wanted."""

    dialect: str
    transport: Transport = "tcp"
    evasions: tuple[str, ...] = ()
    program: str = "minewatch"


def draw_mining(
    servers: Sequence[str],
    seconds: float,
    dialects: Sequence[str],
    evasions: Sequence[str],
    rng: Random,
    *,
    has_xmrig: bool = False,
) -> Mining:
    """Draw miners and what they need.

    Parameters
    ----------
    servers : names of the watched hosts that mine.
    seconds : how long the lab runs [s].
    dialects : each is spoken by a miner.
    evasions : each is used by a miner.
    rng : source of choices.
    has_xmrig : the user's XMRig plays a miner more.
    """
    must, may = draw_wishes(dialects, evasions, rng, has_xmrig)
    places = [server for server in servers for _ in range(rng.randint(*PER_SERVER))]
    while len(places) < len(must):
        places += rng.sample(servers, min(len(servers), len(must) - len(places)))
    wishes = [*must, *may]
    while len(wishes) < len(places):
        wishes.append(Wish(rng.choice(dialects), rng.choice(("tcp", "tls1.2", "tls1.3"))))
    rng.shuffle(places)
    drawing = _Drawing(Clocks(seconds), rng)
    for wish, server in zip(wishes, places, strict=False):
        drawing.add(wish, server)
    return drawing.made


def draw_wishes(
    dialects: Sequence[str], evasions: Sequence[str], rng: Random, has_xmrig: bool
) -> tuple[list[Wish], list[Wish]]:
    """Return the miners that there must be and those that there may be, in order.

    Parameters
    ----------
    dialects, evasions : those that are wanted.
    rng : source of choices.
    has_xmrig : a miner more, played by the user's XMRig.
    """
    must = [Wish(dialect) for dialect in dialects]
    others = [dialect for dialect in dialects if dialect != BROWSER] or list(dialects)
    # Binary messages cannot be padded, and a miner that polls a node seldom has a share to hide.
    texts = [d for d in others if DIALECTS[d].carrier == "lines" and d != BINARY] or others
    for evasion in evasions:
        if evasion == "websocket":
            must.append(Wish(BROWSER, "tls1.3", (evasion,)))
        elif evasion == "proxy":
            must += [Wish(PLAIN, "tcp", (evasion,))] * PROXIED
        else:
            dialect = rng.choice(texts if evasion in _ABOUT_SHARES else others)
            must.append(Wish(dialect, "tls1.3" if evasion == "tls" else "tcp", (evasion,)))
    if has_xmrig:
        must += [Wish(PLAIN, "tcp", (), "xmrig"), Wish(PLAIN, "tls1.3", (), "xmrig")]
    versions: tuple[Transport, ...] = ("tls1.2", "tls1.3")
    over_tls = [Wish(dialect, version) for dialect in dialects for version in versions]
    rng.shuffle(over_tls)
    for version in versions:
        first = next(wish for wish in over_tls if wish.transport == version)
        over_tls.remove(first)
        must.append(first)
    more = [Wish(d) for d in dialects for _ in ways_in(d)[1:]]
    rng.shuffle(more)
    return must, [*over_tls, *more]


class _Drawing:
    def __init__(self, clocks: Clocks, rng: Random) -> None:
        self.made = Mining()
        self._clocks = clocks
        self._rng = rng
        self._ports: set[tuple[str, int]] = set()
        self._on_host: Counter[str] = Counter()
        self._coins: dict[str, list[Coin]] = {}
        self._shared: list[_Shared] = []
        self._local_port = 14_000

    def add(self, wish: Wish, server: str) -> None:
        """Draw a miner, and its pool if none that there is fits."""
        is_ours = wish.program == "minewatch"
        known = self._known_pool(wish, server)
        if known is not None:
            coin, pools = known.coin, [known.pool]
            rate = _within(known.rate * 4 ** self._rng.uniform(-0.5, 0.5), coin.hash_rates)
        else:
            coin = self._next_coin(wish.dialect)
            rate = self._log_uniform(coin.hash_rates) if is_ours else XMRIG_HASH_RATE
            pools = [self._pool(wish, coin, rate)]
            if "hopping" in wish.evasions:
                pools.append(self._pool(wish, coin, rate))
            if "proxy" in wish.evasions:
                pools = [self._proxy(pools[0])]
            if is_ours and wish.evasions in _SHARING:
                self._shared.append(_Shared(pools[0], coin, rate, {server}))
        name = f"miner-{len(self.made.miners) + 1}"
        start_s, stop_s = self._clocks.draw_life(self._rng) if is_ours else (0.0, None)
        self.made.miners.append(
            Miner(
                name=name,
                host=server,
                pools=tuple(pool.name for pool in pools),
                login=draw_login(coin.ticker, coin.prefix, name, self._rng),
                hash_rate=rate,
                evasions=wish.evasions,
                via=self._way(wish, server, pools[0]),
                start_s=start_s,
                stop_s=stop_s,
                hop_mean_s=self._clocks.hop_mean_s,
                program="minewatch" if is_ours else "xmrig",
            )
        )

    def _known_pool(self, wish: Wish, server: str) -> _Shared | None:
        """Return a pool that a miner on another server uses already: sometimes, a proxy always."""
        if wish.evasions not in _SHARING or wish.program != "minewatch":
            return None
        is_proxied = bool(wish.evasions)
        if not is_proxied and self._rng.random() > SHARED_RATIO:
            return None
        wanted = (wish.dialect, wish.transport, is_proxied)
        for shared in self._shared:
            pool = shared.pool
            fits = (pool.dialect, pool.transport, bool(pool.upstream)) == wanted
            if fits and server not in shared.servers:
                shared.servers.add(server)
                return shared
        return None

    def _pool(self, wish: Wish, coin: Coin, rate: float) -> Pool:
        """Draw a pool, with clocks that the lab is long enough for."""
        host, port = self._free_place(wish)
        is_throttled = "throttle" in wish.evasions
        gap_s = self._clocks.share_gap_s(self._log_uniform(coin.share_gap_s), is_throttled)
        has_target = not is_throttled and self._rng.random() < 0.5
        fitting = max(rate * gap_s, 1.0)
        number = sum(pool.dialect == wish.dialect for pool in self.made.pools) + 1
        made = Pool(
            name=f"{wish.dialect}-{number}",
            host=host,
            port=port,
            dialect=wish.dialect,
            coin=coin.ticker,
            algorithm=coin.algorithm,
            transport=wish.transport,
            chain_seed=self._rng.randrange(1 << 31),
            block_mean_s=self._clocks.block_mean_s(coin.block_mean_s),
            refresh_s=self._clocks.refresh_s(self._log_uniform(coin.refresh_s)),
            difficulty=(
                self._clocks.first_difficulty(fitting, coin.difficulty)
                if has_target and wish.program == "minewatch"
                else fitting
            ),
            share_target_s=gap_s if has_target else None,
            reject_ratio=self._rng.choice((0.0, 0.01, 0.02, 0.05)),
            drop_mean_s=self._clocks.draw_drop_mean_s(self._rng),
        )
        self.made.pools.append(made)
        return made

    def _proxy(self, upstream: Pool) -> Pool:
        """Put a mining proxy before a pool."""
        self.made.proxy_hosts += 1
        made = Pool(
            name=f"proxy-of-{upstream.name}",
            host=f"proxy-{self.made.proxy_hosts}",
            port=self._rng.choice(PLAIN_PORTS),
            dialect=PLAIN,
            coin=upstream.coin,
            algorithm=upstream.algorithm,
            chain_seed=upstream.chain_seed,
            block_mean_s=upstream.block_mean_s,
            refresh_s=upstream.refresh_s,
            difficulty=upstream.difficulty,
            upstream=upstream.name,
        )
        self.made.pools.append(made)
        return made

    def _way(self, wish: Wish, server: str, pool: Pool) -> str:
        """Draw the SOCKS5 proxy or the SSH server that a miner goes through, if it does."""
        for evasion, kind, port in (("socks5", "socks5", 1080), ("ssh", "ssh-tunnel", 22)):
            if evasion not in wish.evasions:
                continue
            self.made.proxy_hosts += 1
            options: dict[str, float | str] = {}
            if evasion == "ssh":
                self._local_port += 1
                options = {
                    "local_port": float(self._local_port),
                    "target_host": pool.host,
                    "target_port": float(pool.port),
                }
            name = f"{kind}-to-{pool.name}"
            host = f"proxy-{self.made.proxy_hosts}"
            users = (server,) if evasion == "ssh" else ()
            self.made.services.append(Service(name, kind, host, port, users, options))
            return name
        return ""

    def _free_place(self, wish: Wish) -> tuple[str, int]:
        """Return a pool host, known or new, and a port of the kind that is wanted."""
        if _OVER_TLS & {*wish.evasions}:
            choices: Sequence[int] = (443,)
        elif "port" in wish.evasions:
            choices = ODD_PORTS
        else:
            choices = PLAIN_PORTS if wish.transport == "tcp" else TLS_PORTS
        host = f"pool-{self._rng.randint(1, max(self.made.pool_hosts, 1))}"
        free = [port for port in choices if (host, port) not in self._ports]
        is_new = self.made.pool_hosts == 0 or self._rng.random() < NEW_HOST_RATIO
        if is_new or not free or self._on_host[host] >= POOLS_PER_HOST:
            self.made.pool_hosts += 1
            host, free = f"pool-{self.made.pool_hosts}", list(choices)
        port = self._rng.choice(free)
        self._ports.add((host, port))
        self._on_host[host] += 1
        return host, port

    def _next_coin(self, dialect: str) -> Coin:
        """Return the coins of a dialect in turn, so that all of them occur."""
        if not self._coins.get(dialect):
            ways = list(ways_in(dialect))
            self._coins[dialect] = self._rng.sample(ways, len(ways))
        return self._coins[dialect].pop()

    def _log_uniform(self, bounds: tuple[float, float]) -> float:
        least, most = bounds
        return float(least * (most / least) ** self._rng.random())


def _within(value: float, bounds: tuple[float, float]) -> float:
    return min(max(value, bounds[0]), bounds[1])
