# SPDX-License-Identifier: Apache-2.0
import errno
import os
import platform

import pytest

from minewatch.cli.checkup import kernel as module
from minewatch.cli.checkup.kernel import check_kernel


@pytest.fixture
def refuses(monkeypatch):
    def refuse(error):
        def fails():
            raise error

        monkeypatch.setattr(module, "_try_ring", fails)

    return refuse


def test_the_kernel_of_this_machine():
    (found,) = check_kernel()
    assert found.level == "ok"
    assert platform.release() in found.text
    if os.geteuid() == 0:
        assert found.text.endswith(" has TPACKET_V3")


@pytest.mark.parametrize(
    ("release", "level"),
    [("6.1.0-25-amd64", "ok"), ("3.2", "ok"), ("3.1.10", "fail"), ("odd", "fail")],
)
def test_without_the_right_its_age_tells(refuses, release, level):
    refuses(PermissionError())
    (found,) = check_kernel(release)
    assert found.level == level


@pytest.mark.parametrize(
    ("number", "cure"),
    [(errno.EAFNOSUPPORT, "modprobe af_packet"), (errno.EINVAL, "CONFIG_PACKET")],
)
def test_a_kernel_that_refuses(refuses, number, cure):
    refuses(OSError(number, "x"))
    (found,) = check_kernel()
    assert found.level == "fail"
    assert cure in found.cure


def test_another_system():
    (found,) = check_kernel("23.0", "Darwin")
    assert found.level == "fail"
    assert "Darwin 23.0" in found.text
