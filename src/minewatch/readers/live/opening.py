# SPDX-License-Identifier: Apache-2.0
"""Opening interfaces, which needs a privilege, before anything that does not.

Capabilities belong to threads. Libraries that start threads when they are imported (polars, ONNX
Runtime) would keep them in those threads, whatever the rest of the program does. So this module,
and what it imports, imports the standard library alone; a program calls it first, drops its
privileges (``privileges.py``), and then imports the rest, ``source.py`` with it.
"""

from __future__ import annotations

from minewatch.errors import ConfigError, SourceError
from minewatch.readers.live.filters import compile_filter
from minewatch.readers.live.interface import look_up
from minewatch.readers.live.ring import Ring
from minewatch.readers.live.settings import LiveSettings


def open_rings(settings: LiveSettings) -> list[Ring]:
    """Begin to receive the packets of interfaces.

    Parameters
    ----------
    settings : which, and how.

    Raises
    ------
    SourceError : an interface is not there, is down, or may not be watched.
    ConfigError : the filter is wrong.
    """
    rings: list[Ring] = []
    try:
        interfaces = [look_up(name) for name in settings.interfaces]
        programs = [
            compile_filter(settings.filter, interface, settings.snapshot_octets)
            for interface in interfaces
        ]
        for interface, program in zip(interfaces, programs, strict=True):
            rings.append(Ring(interface, settings, program))
    except (SourceError, ConfigError):
        for ring in rings:
            ring.close()
        raise
    return rings
