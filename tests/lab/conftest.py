# SPDX-License-Identifier: Apache-2.0
"""Python run as process 1 of a sandbox, and a small plan."""

import os
import subprocess
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from minewatch.lab import sandbox
from minewatch.lab.plan import Host, Link, Miner, Plan, Pool, Service

PATIENCE_S = 60


@pytest.fixture
def start_inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., object]:
    """Start code in a sandbox: `start_inside("import os ...")`; it is `sys.argv[0]`'s module."""
    if os.geteuid() != 0:
        pytest.skip("needs root, to make namespaces")
    folder = tmp_path / "modules"
    folder.mkdir()
    monkeypatch.setenv("PYTHONPATH", str(folder))

    def start(code: str, *arguments: str) -> subprocess.Popen[str]:
        (folder / "trial.py").write_text(textwrap.dedent(code), encoding="utf-8")
        return sandbox.start("trial", arguments)

    return start


@pytest.fixture
def inside(start_inside: Callable[..., subprocess.Popen[str]]) -> Callable[..., str]:
    """Run code in a sandbox to its end and return what it printed."""

    def run(code: str, *arguments: str) -> str:
        process = start_inside(code, *arguments)
        try:
            said, _ = process.communicate(timeout=PATIENCE_S)
        finally:
            process.kill()
            process.communicate()
        assert process.returncode == 0, said
        return said

    return run


@pytest.fixture
def small_plan() -> Plan:
    """A server that mines, directly and through a tunnel, and serves pages."""
    hosts = (
        Host("server-1", "server", "10.86.1.1", Link(delay_s=0.001)),
        Host("client-1", "client", "198.51.100.1"),
        Host("pool-1", "pool", "203.0.113.1"),
        Host("proxy-1", "proxy", "192.0.2.1"),
    )
    pools = (
        Pool("plain", "pool-1", 3333, "cryptonote", "XMR", "rx/0"),
        Pool("hidden", "pool-1", 443, "cryptonote", "XMR", "rx/0", "tls1.3"),
    )
    tunnel = {"local_port": 14_001.0, "target_host": "pool-1", "target_port": 443.0}
    return Plan(
        seed=7,
        seconds=60.0,
        hosts=hosts,
        pools=pools,
        miners=(
            Miner("miner-1", "server-1", ("plain",), "4A", 1000.0),
            Miner("miner-2", "server-1", ("hidden",), "4B", 1000.0, ("ssh", "tls"), via="way"),
        ),
        services=(
            Service("web", "http-browse", "server-1", 80, ("client-1",)),
            Service("names", "dns", "client-1", 53, ("server-1",)),
            Service("way", "ssh-tunnel", "proxy-1", 22, ("server-1",), tunnel),
        ),
    )
