# SPDX-License-Identifier: Apache-2.0
import itertools
import statistics
import subprocess
import sys
from random import Random

from minewatch.lab.services import typist


def test_keys_come_at_a_persons_pace_and_the_last_logs_out():
    keys = list(typist.session(8.0, Random(3)))
    assert all(len(key) == 1 for _, key in keys)
    assert keys[-1][1] == b"\x04"
    within = [wait for (_, before), (wait, _) in itertools.pairwise(keys) if before != b"\r"]
    assert 0.1 < statistics.median(within) < 0.3
    after_enter = [wait for (_, before), (wait, _) in itertools.pairwise(keys) if before == b"\r"]
    assert statistics.mean(after_enter) > 2


def test_what_is_typed_without_slips_is_a_command():
    typed = []
    for _, key in typist.session(1.0, Random(5)):
        if key == b"\x7f":
            typed.pop()
        else:
            typed.append(key)
    *lines, last = b"".join(typed).decode().split("\r")
    assert last == "\x04"
    assert set(lines) <= set(typist._COMMANDS)


def test_it_types_until_it_is_told_to_end():
    argv = [sys.executable, "-m", "minewatch.lab.services.typist", "--seed", "1", "--think", "0.1"]
    # `sed` ends itself at the first key, so that we know that there was one.
    script = "head -c 1 >/dev/null; echo typed >&2; sleep 60"
    with subprocess.Popen([*argv, "--", "sh", "-c", script], stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == b"typed\n"
        process.terminate()
        assert process.wait(10) == 0
