# SPDX-License-Identifier: Apache-2.0
"""Which programs of the system are there; each is needed for one thing only."""

from __future__ import annotations

import shutil
from typing import Final

from minewatch.cli.checkup.finding import Finding, Level
from minewatch.response.running import PACKAGES, SYSTEM_PATH

NEEDED_FOR: Final = {
    "tcpdump": "filters of packets (--filter)",
    "nft": "cutting off with --with nftables",
    "ip": "cutting off with --with route",
    "ovs-ofctl": "cutting off with --with openvswitch:BRIDGE",
}
USUAL: Final = frozenset({"tcpdump", "nft", "ip"})
"""Those that most machines have; of others the absence is no news."""


def check_programs(path: str = SYSTEM_PATH) -> list[Finding]:
    """Return which programs are there.

    Parameters
    ----------
    path : folders to look in.
    """
    findings = []
    for name, purpose in NEEDED_FOR.items():
        found = shutil.which(name, path=path)
        if found is not None:
            findings.append(Finding(name, Level.OK, f"{found}, for {purpose}"))
            continue
        text = f"not installed; it is needed for {purpose}"
        level = Level.WARN if name in USUAL else Level.OK
        cure = f"apt-get install {PACKAGES.get(name, name)}"
        findings.append(Finding(name, level, text, cure))
    return findings
