# SPDX-License-Identifier: Apache-2.0
"""Every kind in the registry keeps the contract."""

import importlib.util
import inspect
import subprocess
import sys
from random import Random

import pytest

from lab.services.conftest import make_plan, make_service
from minewatch.lab.services import SERVICES
from minewatch.lab.services.programs import find_program

KINDS = pytest.mark.parametrize("kind", SERVICES.values(), ids=SERVICES)
WANTED = """http-browse https-browse http-health http-download postgresql-pgbench postgresql-idle
redis-pubsub redis-cache mqtt nats ssh-interactive ssh-idle ssh-tunnel socks5 prometheus grpc-stream
websocket-chat dns ntp smtp electrum job-queue beanstalkd package-updates"""


def test_the_kinds_are_those_of_a_server():
    assert list(SERVICES) == WANTED.split()
    assert all(name == kind.name for name, kind in SERVICES.items())


def test_no_two_kinds_share_a_port():
    ports = [port for kind in SERVICES.values() for port in kind.ports]
    assert len(ports) == len(set(ports))
    assert all(kind.port == kind.ports[0] and len(kind.ports) >= 2 for kind in SERVICES.values())


@KINDS
def test_what_it_needs_is_installed_here(kind):
    missing = [f"{n} ({p})" for n, p in kind.packages.items() if not find_program(n)]
    assert not missing, f"install {missing}"
    for module, extra in kind.modules.items():
        assert extra == "lab"
        assert importlib.util.find_spec(module), f'pip install "minewatch[{extra}]"'


@KINDS
def test_each_client_has_something_to_do(kind, tmp_path):
    service, site = make_service(kind.name), make_service("http-browse")
    plan = make_plan(service, *([site] if kind.name == "socks5" else []))
    kind.servers(service, plan, tmp_path)
    commands = kind.clients(service, plan, tmp_path)
    for client in service.clients:
        acts = kind.actors(service, plan, client, Random(1))
        assert acts or client in [command.host for command in commands]
        for act in acts:
            assert inspect.iscoroutine(act)
            act.close()
    for act in kind.actors(service, plan, "client-3", Random(1)):
        pytest.fail(f"{act}: this host is no client")


def test_importing_the_registry_is_cheap():
    program = (
        "import sys, minewatch.lab.services;"
        "print(*sorted({'numpy', 'grpc', 'nats', 'websockets', 'aiosmtpd'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "\n"
