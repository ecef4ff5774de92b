# SPDX-License-Identifier: Apache-2.0
"""The exceptions of minewatch.

::

    MinewatchError        catch-all for callers
    |- SourceError        cannot open or read an input (path, offset)
    |- SchemaError        a column or feature is missing, or of another unit or version
    |- ConfigError        an unknown key or a bad value
    |- ModelError         a model does not fit the schema or the metering, or is damaged
    |- SinkError          alerts could not be brought to where they go
    `- ResponseError      a host could not be cut off, or not be let back

Bad *packets* are never exceptions: they are counted. Argument mistakes are ``ValueError``.
"""

from __future__ import annotations


class MinewatchError(Exception):
    """Anything that minewatch raises on purpose; its text is one line that names the cure."""


class SourceError(MinewatchError):
    """An input cannot be opened or read.

    Parameters
    ----------
    path : the file as the user named it.
    reason : what is wrong and what to do about it, one line.
    offset : octet in the file where it went wrong, if there is one.

    Examples
    --------
    >>> str(SourceError("a.pcap", "not a capture", offset=0))
    'a.pcap: offset 0: not a capture'
    """

    def __init__(self, path: str, reason: str, offset: int | None = None) -> None:
        self.path = path
        self.reason = reason
        self.offset = offset
        place = "" if offset is None else f" offset {offset}:"
        super().__init__(f"{path}:{place} {reason}")


class SchemaError(MinewatchError):
    """A required column is absent, or a table is of another schema version."""


class ConfigError(MinewatchError):
    """An option has an unknown name or a value outside its domain."""


class ModelError(MinewatchError):
    """A model file is damaged, or was made for another schema, metering or feature set."""


class SinkError(MinewatchError):
    """Alerts could not be brought to a sink; its text holds no secret of the sink's address."""


class ResponseError(MinewatchError):
    """A responder could not do, or undo, what was planned."""
