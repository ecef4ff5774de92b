# SPDX-License-Identifier: Apache-2.0
"""What the user of ``minewatch watch`` names, and whether it goes together."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Final

from minewatch.errors import ConfigError

COLLECTOR: Final = "collector"
"""Value of ``--from`` that is no file."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """What the user named.

    Parameters
    ----------
    interfaces : to watch.
    source : value of ``--from``.
    endpoints : where to listen, each with its option.
    exporters : values of ``--exporters``.
    """

    interfaces: tuple[str, ...]
    source: str | None
    endpoints: tuple[tuple[str, str], ...]
    exporters: tuple[str, ...]

    def check(self, *, is_for_interfaces: bool) -> None:
        """Refuse what does not go together.

        Parameters
        ----------
        is_for_interfaces : an option was given that is for interfaces alone.

        Raises
        ------
        ConfigError : it does not.
        """
        if not self.interfaces and self.source is None:
            more = "say --from collector too" if self.endpoints else "name an interface"
            raise ConfigError(
                f"nothing to watch; {more} ('minewatch watch eth0', and 'ip link' lists them), or "
                "--from FILE, or --from collector --netflow ADDRESS:PORT"
            )
        if self.interfaces and self.source is not None:
            raise ConfigError("name interfaces to watch, or an input with --from, and not both")
        if self.source is not None and is_for_interfaces:
            raise ConfigError("--filter and --user are for interfaces; with --from leave them out")
        for name in self.interfaces:
            if name == "-" or os.sep in name:
                raise ConfigError(f"{name}: no interface; to read it, say --from {name}")
        is_collector = self.source == COLLECTOR
        if is_collector and not self.endpoints:
            raise ConfigError("nowhere to listen; give --netflow, --ipfix or --sflow ADDRESS:PORT")
        if not is_collector and (self.endpoints or self.exporters):
            option = self.endpoints[0][0] if self.endpoints else "--exporters"
            raise ConfigError(f"{option} goes with --from collector alone")
