# SPDX-License-Identifier: Apache-2.0
import os
import pwd

from minewatch.cli.who import user_name


def test_the_user_and_who_became_root(monkeypatch):
    assert user_name({}) == pwd.getpwuid(os.getuid()).pw_name
    monkeypatch.setattr(os, "getuid", lambda: 0)
    assert user_name({"SUDO_USER": "alice"}) == "root (sudo by alice)"
    assert user_name({"SUDO_USER": "root"}) == "root"
    monkeypatch.setattr(os, "getuid", lambda: 4_000_000)
    assert user_name({"SUDO_USER": "alice"}) == "uid 4000000"
