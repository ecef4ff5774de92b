# SPDX-License-Identifier: Apache-2.0
"""What a lab needs of the machine, looked for before anything starts; it installs nothing."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from minewatch.errors import ConfigError
from minewatch.lab import capture, sandbox
from minewatch.lab.plan import Plan
from minewatch.lab.services import SERVICES
from minewatch.lab.services.programs import find_program

_TLS: Final = {"openssl": "openssl"}


def require(plan: Plan, xmrig: Path | None = None) -> None:
    """Check that a lab can run here.

    Parameters
    ----------
    plan : of the lab.
    xmrig : the user's XMRig, if it plays a miner.

    Raises
    ------
    ConfigError : a program, a Python module or a right is missing. The text names everything that
        is, and how to get it.
    """
    programs, modules = wanted(plan)
    check_programs(programs)
    check_modules(modules)
    if xmrig is not None:
        from minewatch.lab.xmrig import check_program

        check_program(xmrig)
    sandbox.require()


def wanted(plan: Plan) -> tuple[dict[str, str], dict[str, str]]:
    """Return the programs of a plan and their Debian packages, and the modules and their extras."""
    programs = {**sandbox.PROGRAMS, **capture.PROGRAMS}
    modules: dict[str, str] = {}
    if any(pool.transport != "tcp" for pool in plan.pools):
        programs |= _TLS
    for kind in sorted({service.kind for service in plan.services}):
        programs |= SERVICES[kind].packages
        modules |= SERVICES[kind].modules
    return programs, modules


def check_programs(programs: Mapping[str, str]) -> None:
    """Check that programs are installed.

    Parameters
    ----------
    programs : their names, and the Debian package of each.

    Raises
    ------
    ConfigError : some are not; the text has the one command that installs them.
    """
    missing = [name for name in programs if find_program(name) is None]
    if missing:
        packages = sorted({programs[name] for name in missing})
        raise ConfigError(
            f"programs are missing: {', '.join(sorted(missing))}; on Debian: "
            f"apt-get install {' '.join(packages)}"
        )


def check_modules(modules: Mapping[str, str]) -> None:
    """Check that Python modules can be imported.

    Parameters
    ----------
    modules : their names, and the extra of minewatch that brings each.

    Raises
    ------
    ConfigError : some cannot.
    """
    missing = sorted(name for name in modules if importlib.util.find_spec(name) is None)
    if missing:
        extras = ",".join(sorted({modules[name] for name in missing}))
        raise ConfigError(
            f'Python modules are missing: {", ".join(missing)}: pip install "minewatch[{extras}]"'
        )
