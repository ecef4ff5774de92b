# SPDX-License-Identifier: Apache-2.0
"""Who runs a command, for what is written down."""

from __future__ import annotations

import os
import pwd
from collections.abc import Mapping


def user_name(environment: Mapping[str, str] = os.environ) -> str:
    """Return the name of this process's user, and of who became root by sudo.

    Parameters
    ----------
    environment : of this process.
    """
    number = os.getuid()
    try:
        name = pwd.getpwuid(number).pw_name
    except KeyError:  # a container's number without an entry
        name = f"uid {number}"
    behind = environment.get("SUDO_USER", "")
    if number == 0 and behind and behind != name:
        return f"{name} (sudo by {behind[:64]})"
    return name
