# SPDX-License-Identifier: Apache-2.0
"""Normal traffic: ``KINDS``, what servers do all day and what strangers do to them.

Each kind has a generator ``generate(rng, paths, horizon_s)`` that works on all its conversations
at once. Weights are conversations among 10,000; they are chosen, after what a small public server
sees: half of it comes from strangers.
"""

from __future__ import annotations

from typing import Final

from minewatch.lab.simulator.normal import (
    broker,
    database,
    datagram,
    mail,
    rpc,
    scan,
    shell,
    watch,
    web,
)
from minewatch.lab.simulator.normal.kind import TrafficKind
from minewatch.lab.simulator.script import UDP

_ANY = (23, 21, 445, 1433, 3306, 3389, 5060, 5900, 6379, 8081, 8888, 27017, 3333, 4444, 5555, 14444)

KINDS: Final[tuple[TrafficKind, ...]] = (
    # Strangers
    TrafficKind("scan-refused", scan.refused, 1900, 0.1, _ANY),
    TrafficKind("scan-unanswered", scan.unanswered, 1100, 0.1, (*_ANY, 2375, 9200)),
    TrafficKind("scan-silent", scan.silent, 500, 0.1, (22, 80, 443, 25)),
    TrafficKind("scan-probe", scan.probes, 500, 2, (80, 443, 8080, 22)),
    TrafficKind("scan-datagram", scan.datagrams, 250, 2, (53, 123, 161, 1900, 5060), protocol=UDP),
    TrafficKind("ssh-guess", shell.guesses, 500, 17, (22,)),
    # What servers serve
    TrafficKind("http-browse", web.browse_http, 350, 6, (80, 8080)),
    TrafficKind("https-browse", web.browse_https, 700, 11, (443, 8443)),
    TrafficKind("http-health", web.health, 900, 2, (8081, 8086), "cloud"),
    TrafficKind("http-api", web.calls, 260, 24, (443, 8443, 9443)),
    TrafficKind("http-download", web.download, 60, 4, (8000, 8088, 443)),
    TrafficKind("postgresql-pgbench", database.pgbench, 45, 110, (5432, 5434), "cloud"),
    TrafficKind("redis-cache", database.redis_cache, 60, 30, (6381, 6382), "cloud"),
    TrafficKind("smtp", mail.smtp, 90, 18, (25, 587)),
    # For minutes to days
    TrafficKind(
        "postgresql-idle", database.idle_pool, 5, 780, (5433, 5435), "cloud", is_long_lived=True
    ),
    TrafficKind(
        "redis-pubsub", database.redis_publish, 3, 2100, (6379, 6380), "cloud", is_long_lived=True
    ),
    TrafficKind("mqtt", broker.mqtt, 4, 1680, (1883, 8883), is_long_lived=True),
    TrafficKind("nats", broker.nats, 3, 1730, (4222,), "cloud", is_long_lived=True),
    TrafficKind("amqp", broker.amqp, 2, 2180, (5672,), "cloud", is_long_lived=True),
    TrafficKind("iot-telemetry", broker.telemetry, 6, 900, (9999, 8883, 443), is_long_lived=True),
    TrafficKind("ssh-interactive", shell.interactive, 10, 360, (22, 2222), is_long_lived=True),
    TrafficKind("ssh-idle", shell.idle, 5, 1230, (22, 2022), is_long_lived=True),
    TrafficKind("ssh-tunnel", shell.tunnel, 4, 180, (2200, 22), is_long_lived=True),
    TrafficKind("prometheus", watch.scrapes, 2, 1780, (9100,), "cloud", is_long_lived=True),
    TrafficKind("grpc-stream", watch.grpc, 3, 1390, (50051, 443), "cloud", is_long_lived=True),
    TrafficKind("websocket-chat", watch.chat, 12, 500, (443, 8765), is_long_lived=True),
    TrafficKind("electrum", rpc.electrum, 4, 590, (50001, 50002), is_long_lived=True),
    TrafficKind("job-queue", rpc.job_queue, 3, 2180, (3333, 3334), "cloud", is_long_lived=True),
    TrafficKind("beanstalkd", rpc.beanstalkd, 3, 1520, (11300,), "cloud", is_long_lived=True),
    TrafficKind("vpn", datagram.vpn, 3, 1050, (51820,), protocol=UDP, is_long_lived=True),
    # What servers ask for
    TrafficKind("dns", datagram.dns, 1500, 3, (53,), "cloud", is_outbound=True, protocol=UDP),
    TrafficKind("ntp", datagram.ntp, 250, 6, (123,), is_outbound=True, protocol=UDP),
    TrafficKind("http-api-out", web.calls, 260, 24, (443,), is_outbound=True),
    TrafficKind("https-browse-out", web.browse_https, 100, 11, (443,), is_outbound=True),
    TrafficKind("package-updates", web.updates, 60, 11, (80,), is_outbound=True),
    TrafficKind("smtp-out", mail.smtp, 50, 19, (25,), is_outbound=True),
    TrafficKind(
        "kubernetes-watch",
        watch.kubernetes,
        2,
        2210,
        (6443, 443),
        "cloud",
        is_outbound=True,
        is_long_lived=True,
    ),
    TrafficKind(
        "mqtt-out", broker.mqtt, 3, 1680, (8883, 1883), is_outbound=True, is_long_lived=True
    ),
    TrafficKind(
        "telemetry-out", broker.telemetry, 5, 900, (443, 9999), is_outbound=True, is_long_lived=True
    ),
    TrafficKind("websocket-out", watch.chat, 8, 500, (443,), is_outbound=True, is_long_lived=True),
    TrafficKind(
        "electrum-out", rpc.electrum, 4, 590, (50001, 50002), is_outbound=True, is_long_lived=True
    ),
    TrafficKind(
        "job-queue-out", rpc.job_queue, 2, 2790, (3333, 443), is_outbound=True, is_long_lived=True
    ),
    TrafficKind(
        "long-poll", watch.long_poll, 10, 160, (443,), is_outbound=True, is_long_lived=True
    ),
    TrafficKind(
        "ssh-tunnel-out", shell.tunnel, 3, 180, (22, 443), is_outbound=True, is_long_lived=True
    ),
)
"""All kinds, weights in conversations among some 10,000."""

__all__ = ["KINDS", "TrafficKind"]
