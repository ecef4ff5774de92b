# SPDX-License-Identifier: Apache-2.0
"""What to check next, in the order in which to do it: lines that can be copied into a shell."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator


def next_steps(
    host: str, pool: str, pool_port: int, *, is_allowed: bool = False, is_standing: bool = True
) -> tuple[str, ...]:
    """Return what a person on duty does about an alert.

    Parameters
    ----------
    host : address of the watched side.
    pool : address of the other side.
    pool_port : its port.
    is_allowed : the user said that it may mine.
    is_standing : a conversation is still labelled mining.

    Examples
    --------
    >>> next_steps("10.0.0.5", "203.0.113.9", 443)[0]
    "On 10.0.0.5, find the process: ss -tnp 'dst 203.0.113.9 and dport = :443'"
    """
    return tuple(_steps(host, pool, pool_port, is_allowed, is_standing))


def _steps(
    host: str, pool: str, pool_port: int, is_allowed: bool, is_standing: bool
) -> Iterator[str]:
    far = f"[{pool}]" if ":" in pool else pool
    if not is_standing:
        yield (
            "What was seen later speaks against mining: nothing to do, unless the process is one "
            "that nobody knows."
        )
    if is_allowed:
        yield "It is allowed: ask the owner only if it outlasts the allowance."
        return
    yield f"On {host}, find the process: ss -tnp 'dst {far} and dport = :{pool_port}'"
    yield (
        "Look at what it is before you stop it: ls -l /proc/PID/exe /proc/PID/cwd; "
        "tr '\\0' ' ' < /proc/PID/cmdline; cat /proc/PID/cgroup (which container)"
    )
    yield _owner(host)
    yield (
        f"Keep what the wire shows: tcpdump -c 2000 -w mining.pcap 'host {host} and host {pool} "
        f"and port {pool_port}', then minewatch explain mining.pcap"
    )
    yield (
        "Find how it starts again: crontab -l for each user, systemctl list-timers, "
        "~/.ssh/authorized_keys, /etc/ld.so.preload, new users, the image of the container"
    )
    yield f"Look who else talks to {pool}: the flow logs of the last days, and the other alerts"


def _owner(host: str) -> str:
    if ipaddress.ip_address(host).is_private:
        return (
            f"Whose machine is {host}? In a cloud: aws ec2 describe-network-interfaces --filters "
            f"Name=addresses.private-ip-address,Values={host}; gcloud compute instances list "
            f"--filter=networkInterfaces.networkIP={host}; on it: "
            "cat /var/lib/cloud/data/instance-id"
        )
    return (
        f"Whose machine is {host}? In a cloud: aws ec2 describe-network-interfaces --filters "
        f"Name=association.public-ip,Values={host}; on it: cat /var/lib/cloud/data/instance-id"
    )
