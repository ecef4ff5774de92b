# SPDX-License-Identifier: Apache-2.0
"""AWS VPC and Transit Gateway Flow Logs, as text or Parquet, default or custom fields."""

from __future__ import annotations

from typing import BinaryIO

from minewatch.contracts import FlowSource
from minewatch.errors import ConfigError, SourceError
from minewatch.readers.flowlogs.aws_fields import (
    KNOWN_FIELDS,
    is_header,
    layout_of,
    layout_without_header,
    names_of,
    resembles_a_log,
)
from minewatch.readers.flowlogs.aws_parquet import OWN_COLUMN, open_parquet
from minewatch.readers.flowlogs.aws_text import AwsTextSource, first_line
from minewatch.readers.source import PARQUET_MAGIC
from minewatch.readers.unpack import with_head


class AwsFormat:
    """How AWS's flow logs are told from others, and what reads them.

    Parameters
    ----------
    fields : the format that logs without a header line were created with, as AWS writes it: names
        with spaces between; None if nobody said.

    Raises
    ------
    ConfigError : a name is none of AWS, or one is missing without which no line can be used.

    Examples
    --------
    >>> AwsFormat("srcaddr dstaddr")
    Traceback (most recent call last):
    minewatch.errors.ConfigError: --aws-fields: srcport, dstport, protocol, start, end missing; ...
    """

    def __init__(self, fields: str | None = None) -> None:
        self._fields = None if fields is None else names_of(fields)
        if self._fields is None:
            return
        unknown = [name for name in self._fields if name not in KNOWN_FIELDS]
        if unknown:
            raise ConfigError(f"--aws-fields: {unknown[0]} is no field of AWS's flow logs")
        missing = layout_of(self._fields).missing
        if missing:
            raise ConfigError(
                f"--aws-fields: {', '.join(missing)} missing; without these no line can be used"
            )

    @property
    def name(self) -> str:
        return "aws"

    @property
    def title(self) -> str:
        return "AWS VPC Flow Logs"

    def recognises(self, head: bytes) -> bool:
        r"""Return whether an input that begins so is an AWS flow log.

        Parameters
        ----------
        head : the first octets of the unpacked input; of Parquet those of its footer as well, where
            it is known. What comes through a pipe may be a table of minewatch: ``open`` sees.

        Examples
        --------
        >>> AwsFormat().recognises(b"version account-id srcaddr\n")
        True
        >>> AwsFormat().recognises(b'{"version": 2}')
        False
        """
        if head.startswith(PARQUET_MAGIC):
            return OWN_COLUMN.encode() not in head
        line = first_line(head)
        if is_header(line) or layout_without_header(line) is not None or resembles_a_log(line):
            return True
        return self._fields is not None and len(line.split()) == len(self._fields)

    def open(self, name: str, path: str, stream: BinaryIO, *, strict: bool) -> FlowSource:
        """Return a source that reads ``stream`` from its start, and closes it.

        Parameters
        ----------
        name : what the user called the input.
        path : where it lies: Parquet is read from there if it is not packed.
        stream : unpacked.
        strict : the first fault raises SourceError.

        Raises
        ------
        SourceError : its fields are not known, or one is missing without which none can be used.
        """
        head, whole = with_head(stream, len(PARQUET_MAGIC))
        try:
            if head == PARQUET_MAGIC:
                return open_parquet(name, path, whole, strict=strict)
            return AwsTextSource(name, whole, strict=strict, fields=self._fields)
        except SourceError:
            whole.close()
            raise
