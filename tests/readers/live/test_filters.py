# SPDX-License-Identifier: Apache-2.0
import os
import shutil
import socket
import subprocess

import pytest

from minewatch.errors import ConfigError
from minewatch.readers.live import filters
from minewatch.readers.live.filters import (
    MAX_EXPRESSION,
    MAX_INSTRUCTIONS,
    REFUSE_ALL,
    Instruction,
    accept_all,
    attach,
    compile_filter,
    read_instructions,
)
from minewatch.readers.live.interface import Interface

TUNNEL = Interface("t0", 1, 65_534, 1500)
needs_tcpdump = pytest.mark.skipif(not shutil.which("tcpdump"), reason="needs tcpdump")


def test_no_expression_means_every_packet_and_needs_no_program(monkeypatch):
    monkeypatch.setenv("PATH", "/nonexistent")
    assert compile_filter(" ", TUNNEL, 1000) == accept_all(1000) == (Instruction(6, 0, 0, 1000),)


@needs_tcpdump
def test_raw_ip_is_compiled_without_a_link_layer():
    program = compile_filter("ip proto 17", TUNNEL, 500)
    assert program == (
        (48, 0, 0, 0),  # the first octet
        (84, 0, 0, 0xF0),
        (21, 0, 3, 0x40),  # IPv4?
        (48, 0, 0, 9),  # its protocol
        (21, 0, 1, 17),
        (6, 0, 0, 500),
        (6, 0, 0, 0),
    )


@needs_tcpdump
@pytest.mark.namespace
def test_tags_are_where_the_kernel_puts_them(wires):
    """A tag is not in the packet when the filter sees it; its code asks the kernel (SKF_AD)."""
    wires.make("v0")
    program = compile_filter("vlan 5", Interface("v0", 2, 1, 1500), 500)
    assert any(one.value > 0xFFFF_F000 for one in program)


@needs_tcpdump
@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("tcp porrt 3", "the filter 'tcp porrt 3': can't parse filter expression: syntax error"),
        ("-w /tmp/x", "syntax error"),  # an expression, never an option
        ("-V /etc/passwd", "syntax error"),
        ("tcp; touch x", "the filter"),
        ("x\0y", "none of them NUL"),
        ("x" * (MAX_EXPRESSION + 1), "at most 10000 characters"),
    ],
)
def test_a_wrong_expression_names_the_cure(expression, text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=text) as error:
        compile_filter(expression, TUNNEL, 500)
    assert "\n" not in str(error.value)
    assert os.listdir(tmp_path) == []


def test_a_missing_tcpdump_names_the_cure(monkeypatch):
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(ConfigError, match="apt-get install tcpdump"):
        compile_filter("tcp", TUNNEL, 500)


def test_a_tcpdump_that_hangs_is_not_waited_for(tmp_path, monkeypatch):
    slow = tmp_path / "tcpdump"
    slow.write_text("#!/bin/sh\nexec sleep 1000\n")
    slow.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(filters, "_PATIENCE_S", 0.2)
    with pytest.raises(ConfigError, match=r"timed out"):
        compile_filter("tcp", TUNNEL, 500)


def test_a_tcpdump_that_prints_something_else(tmp_path, monkeypatch):
    other = tmp_path / "tcpdump"
    other.write_text("#!/bin/sh\necho hello\n")
    other.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    with pytest.raises(ConfigError, match="does not print a filter"):
        compile_filter("tcp", TUNNEL, 500)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0\n",
        "2\n6 0 0 1\n",
        "1\n6 0 0\n",
        "1\n6 0 0 1 1\n",
        "1\n65536 0 0 1\n",
        "1\n6 256 0 1\n",
        "1\n6 0 -1 1\n",
        f"1\n6 0 0 {1 << 32}\n",
        "1\na b c d\n",
        f"{MAX_INSTRUCTIONS + 1}\n" + "6 0 0 1\n" * (MAX_INSTRUCTIONS + 1),
    ],
)
def test_what_is_no_filter(text):
    with pytest.raises(ConfigError, match="does not print a filter"):
        read_instructions(text)


def test_a_filter_holds_in_the_kernel():
    """Of a datagram socket on loopback: the filter sees 8 octets of header before the payload."""
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender,
    ):
        receiver.bind(("127.0.0.1", 0))
        receiver.setblocking(False)
        only_x = (
            Instruction(48, 0, 0, 8),
            Instruction(21, 0, 1, ord("x")),
            Instruction(6, 0, 0, 10),
            *REFUSE_ALL,
        )
        attach(receiver, only_x)
        for data in (b"abc", b"xyz"):
            sender.sendto(data, receiver.getsockname())
        assert receiver.recv(10) == b"xy"  # cut to 10 octets, the header's with them
        attach(receiver, REFUSE_ALL)
        sender.sendto(b"xyz", receiver.getsockname())
        with pytest.raises(BlockingIOError):
            receiver.recv(10)


def test_the_kernel_refuses_nonsense():
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver,
        pytest.raises(OSError, match="Invalid argument"),
    ):
        attach(receiver, (Instruction(0xFFFF, 0, 0, 0),))


@needs_tcpdump
def test_it_is_what_tcpdump_prints():
    done = subprocess.run(
        ["tcpdump", "-y", "RAW", "-s", "500", "-ddd", "tcp"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert read_instructions(done.stdout) == compile_filter("tcp", TUNNEL, 500)
