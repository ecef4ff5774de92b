# SPDX-License-Identifier: Apache-2.0
"""The command line. Heavy libraries are imported by the commands that need them, never here."""

from __future__ import annotations

from minewatch.cli.root import app, main

__all__ = ["app", "main"]
