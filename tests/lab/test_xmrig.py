# SPDX-License-Identifier: Apache-2.0
import subprocess

import pytest

from lab_play import WALLET, miner_of, plan_of, pool_of
from minewatch.errors import ConfigError
from minewatch.lab import xmrig
from minewatch.lab.dialects import DIALECTS
from minewatch.lab.plan import Service


@pytest.fixture
def program(tmp_path):
    """A program that writes down its arguments, one a line."""
    path = tmp_path / "xmrig"
    path.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > "{tmp_path}/arguments"\n')
    path.chmod(0o755)
    return path


def arguments(made, program):
    """Run a command and return what the program was told."""
    subprocess.run(made.argv, check=True, env=dict(made.environment))
    return (program.parent / "arguments").read_text().splitlines()


def test_the_program_is_told_all_it_needs(program):
    miner = miner_of(program="xmrig")
    plan = plan_of((pool_of(port=3333),), (miner,))
    made = xmrig.command(miner, plan, program)
    told = arguments(made, program)
    assert made.host == "here"
    assert not made.may_end
    assert told[:8] == [
        *("-o", "127.0.0.1:3333"),
        *("-u", WALLET),
        *("-p", "x"),
        *("--rig-id", "miner-1"),
    ]
    assert {"--keepalive", "--no-color", "--threads=1", "--randomx-mode=light"} <= set(told)
    assert "--tls" not in told
    assert "--donate-level=0" in told


def test_tls_and_further_pools_follow_their_pool(program):
    miner = miner_of("pool-1", "pool-2")
    pools = (pool_of(port=3333), pool_of(port=443, name="pool-2", transport="tls1.3"))
    told = arguments(xmrig.command(miner, plan_of(pools, (miner,)), program), program)
    first, second = told.index("127.0.0.1:3333"), told.index("127.0.0.1:443")
    assert first < second < told.index("--tls")
    assert told.count("-u") == 2


def test_it_goes_through_proxies_and_tunnels(program):
    services = (
        Service("s", "socks5", "there", 1080),
        Service("t", "ssh-tunnel", "there", 22, options={"local_port": 4000}),
    )
    plan = plan_of((pool_of(port=3333),), (), services)
    told = arguments(xmrig.command(miner_of(via="s"), plan, program), program)
    assert told[told.index("--proxy") + 1] == "127.0.0.1:1080"
    assert "127.0.0.1:3333" in told
    told = arguments(xmrig.command(miner_of(via="t"), plan, program), program)
    assert told[1] == "127.0.0.1:4000"
    assert "--proxy" not in told


@pytest.mark.parametrize("kind", ["missing", "folder", "not executable"])
def test_what_is_no_program_is_refused(tmp_path, kind):
    path = tmp_path / "xmrig"
    if kind == "folder":
        path.mkdir()
    elif kind == "not executable":
        path.write_text("#!/bin/sh\n")
    miner = miner_of()
    with pytest.raises(ConfigError, match=r"--xmrig .*/xmrig: not an executable file"):
        xmrig.command(miner, plan_of((pool_of(),), (miner,)), path)


@pytest.mark.parametrize("dialect", sorted({"bitcoin", "coinhive", "kawpow"} & DIALECTS.keys()))
def test_a_pool_of_another_dialect_is_refused(program, dialect):
    miner = miner_of()
    with pytest.raises(ConfigError, match=f"XMRig does not speak {dialect}"):
        xmrig.command(miner, plan_of((pool_of(dialect),), (miner,)), program)
