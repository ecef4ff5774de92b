# SPDX-License-Identifier: Apache-2.0
import errno
import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from minewatch.cli.checkup import rights as module
from minewatch.cli.checkup.rights import check_rights


@pytest.mark.parametrize(
    ("held", "must", "levels"),
    [
        (0, True, ["fail", "ok"]),
        (0, False, ["warn", "ok"]),
        (1 << 13, True, ["ok", "ok"]),
        (1 << 12, False, ["warn", "ok"]),
        (1 << 12 | 1 << 13, True, ["ok", "ok"]),
    ],
)
def test_what_is_held(tmp_path, monkeypatch, held, must, levels):
    monkeypatch.setattr(module.socket, "socket", lambda *arguments: io.BytesIO())
    status = tmp_path / "status"
    status.write_text(f"Name:\tx\nCapPrm:\t{(1 << 40) - 1:016x}\nCapEff:\t{held:016x}\n")
    found = check_rights(must_watch=must, status=status)
    assert [one.level for one in found] == levels
    assert ("is held" in found[1].text) == bool(held & 1 << 12)
    assert ("minewatch-respond.service" in found[1].cure) != bool(held & 1 << 12)


@pytest.mark.parametrize("text", [None, "", "CapEff:\tnonsense\n", "CapEff\n"])
def test_a_kernel_that_does_not_tell(tmp_path, text):
    status = tmp_path / "status"
    if text is not None:
        status.write_text(text)
    assert [one.level for one in check_rights(must_watch=True, status=status)] == ["fail", "ok"]


def test_of_this_process_and_of_one_without_rights():
    if os.geteuid() != 0:
        pytest.skip("needs root, to give rights up")
    code = (
        "from minewatch.cli.checkup.rights import check_rights\n"
        "print([str(one.level) for one in check_rights(must_watch=True)])\n"
    )
    argv = ["setpriv", "--bounding-set", "-net_raw", "--", sys.executable, "-c", code]
    source = str(Path(module.__file__).parents[3])
    done = subprocess.run(
        argv, env={"PYTHONPATH": source}, capture_output=True, text=True, check=True
    )
    assert done.stdout == "['fail', 'ok']\n"


def test_a_right_that_holds_for_another_network_is_none():
    """As in a container without root that has the host's network."""
    if os.geteuid() != 0:
        pytest.skip("needs root, to watch at all")
    code = (
        "from minewatch.cli.checkup.rights import check_rights\n"
        "print(check_rights(must_watch=True)[0].line())\n"
    )
    argv = ["unshare", "--user", "--map-root-user", "--", sys.executable, "-c", code]
    source = str(Path(module.__file__).parents[3])
    done = subprocess.run(
        argv, env={"PYTHONPATH": source}, capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("fail  watching: CAP_NET_RAW is held, but not for this network: ")


def test_a_kernel_without_such_sockets_is_told_of_elsewhere(tmp_path, monkeypatch):
    status = tmp_path / "status"
    status.write_text(f"CapEff:\t{1 << 13:016x}\n")

    def refuse(*arguments):
        raise OSError(errno.EAFNOSUPPORT, "no such sockets")

    monkeypatch.setattr(module.socket, "socket", refuse)
    assert check_rights(must_watch=True, status=status)[0].level == "ok"
