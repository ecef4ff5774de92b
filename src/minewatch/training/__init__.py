# SPDX-License-Identifier: Apache-2.0
"""Training and evaluation of the detectors' models; needs ``pip install minewatch[train]``."""

from __future__ import annotations

from importlib.util import find_spec

from minewatch.errors import ConfigError

EXTRA = ("sklearn", "skl2onnx", "onnx")


def require_extra(modules: tuple[str, ...] = EXTRA) -> None:
    """Raise ConfigError if a library that only training needs is not installed.

    Parameters
    ----------
    modules : their import names.

    Examples
    --------
    >>> require_extra(("no_such_library",))
    Traceback (most recent call last):
    minewatch.errors.ConfigError: training needs no_such_library: pip install 'minewatch[train]'
    """
    missing = [name for name in modules if find_spec(name) is None]
    if missing:
        raise ConfigError(f"training needs {', '.join(missing)}: pip install 'minewatch[train]'")
