# SPDX-License-Identifier: Apache-2.0
"""A sink that is up and will never take this alert."""

from __future__ import annotations

from minewatch.errors import SinkError


class RefusedError(SinkError):
    """The alert itself is not taken: too long, of the wrong form. To try again is of no use."""
