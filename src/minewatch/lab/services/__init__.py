# SPDX-License-Identifier: Apache-2.0
"""Normal life on the lab's servers, by real programs: ``SERVICES``, from name to kind.

A service has one host and one port, and any number of clients. What a kind gives is of two sorts:
programs (``servers`` and ``clients``), and coroutines (``actors``) for the Python process that
plays a host, be it the server's or a client's. Importing this imports nothing heavy.

The labels follow: whatever goes to a service's host and port is that service, whoever asks. Two
kinds relay besides: ``socks5`` opens connections to the plan's web sites from its own host, and
``ssh-tunnel`` to its target.
"""

from __future__ import annotations

from minewatch.lab.services import (
    beanstalkd,
    dns,
    electrum,
    grpc_stream,
    job_queue,
    mqtt,
    nats,
    ntp,
    package_updates,
    postgresql,
    prometheus,
    redis,
    smtp,
    socks5,
    ssh,
    web,
    websocket_chat,
)
from minewatch.lab.services.contract import Command, ServiceKind

SERVICES: dict[str, ServiceKind] = {
    kind.name: kind
    for kinds in (
        web.KINDS,
        postgresql.KINDS,
        redis.KINDS,
        mqtt.KINDS,
        nats.KINDS,
        ssh.KINDS,
        socks5.KINDS,
        prometheus.KINDS,
        grpc_stream.KINDS,
        websocket_chat.KINDS,
        dns.KINDS,
        ntp.KINDS,
        smtp.KINDS,
        electrum.KINDS,
        job_queue.KINDS,
        beanstalkd.KINDS,
        package_updates.KINDS,
    )
    for kind in kinds
}

__all__ = ["SERVICES", "Command", "ServiceKind"]
