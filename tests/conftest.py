# SPDX-License-Identifier: Apache-2.0
"""What every test has: UTC, a fixed seed, no network, and expected files that can be rewritten."""

import ipaddress
import os
import random
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from monero_node import serving

os.environ.update(TZ="UTC", LC_ALL="C.UTF-8", NO_COLOR="1", COLUMNS="120")
os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # native code is not seen by the guard of sockets below
time.tzset()

SEED = 20_180_517
_network_allowed = False


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--golden", action="store_true", help="rewrite the expected files, then read the diff"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Refuse connections to other machines, in doctests too."""
    patch = pytest.MonkeyPatch()
    for name in ("connect", "connect_ex"):
        patch.setattr(socket.socket, name, _guarded(getattr(socket.socket, name)))
    config.add_cleanup(patch.undo)


def _guarded(connect: Callable[..., Any]) -> Callable[..., Any]:
    def guarded(self: socket.socket, address: Any) -> Any:
        if not (_network_allowed or _is_local(self.family, address)):
            raise RuntimeError(
                f"a test may not connect to {address!r}: use loopback, or mark it `namespace`"
            )
        return connect(self, address)

    return guarded


def _is_local(family: int, address: Any) -> bool:
    if family not in (socket.AF_INET, socket.AF_INET6):
        return True
    host = address[0]
    if host in ("", "localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@pytest.fixture(autouse=True)
def _seeded() -> None:
    random.seed(SEED)
    np.random.seed(SEED)  # noqa: NPY002  the libraries that still use it


@pytest.fixture(autouse=True)
def _namespace_may_connect(request: pytest.FixtureRequest) -> Iterator[None]:
    global _network_allowed  # noqa: PLW0603
    _network_allowed = request.node.get_closest_marker("namespace") is not None
    yield
    _network_allowed = False


@pytest.fixture
def rng() -> np.random.Generator:
    """Random numbers that are the same in every run."""
    return np.random.default_rng(SEED)


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[Path, str], None]:
    """Compare a text with its expected file: `golden(path, text)`; `make golden` rewrites it."""

    def check(path: Path, text: str) -> None:
        if request.config.getoption("--golden"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        assert path.exists(), f"{path} is missing: write it with `make golden`"
        assert text == path.read_text(encoding="utf-8"), (
            f"{path} differs: if meant, run `make golden`"
        )

    return check


@pytest.fixture
def node():
    """A node of the Monero kind, on loopback."""
    with serving() as server:
        yield server
