# SPDX-License-Identifier: Apache-2.0
"""One run over inputs: a bad one is reported and the others go on."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from minewatch.cli.errors import complain
from minewatch.cli.progress import ProgressBar
from minewatch.contracts import FlowFormat, FlowSource
from minewatch.errors import ConfigError, SourceError
from minewatch.readers.finding import find
from minewatch.readers.formats import check_name, open_flows
from minewatch.readers.groups import InputGroup, groups_of
from minewatch.readers.source import CAPTURE, Input

__all__ = ["InputGroup", "Session"]

_Item = TypeVar("_Item")


class Session:
    """The inputs of a command, what went wrong with them, and how far they are.

    Parameters
    ----------
    inputs : what to read.
    quiet : no progress bar.
    formats : flow logs that are taken beside captures.
    """

    def __init__(
        self,
        inputs: Sequence[Input],
        quiet: bool = False,
        formats: Sequence[FlowFormat] = (),
    ) -> None:
        self.inputs = inputs
        self._formats = formats
        self.n_failed = 0
        self.progress = ProgressBar(inputs, quiet)

    @classmethod
    def of(
        cls,
        arguments: Sequence[str],
        quiet: bool = False,
        formats: Sequence[FlowFormat] = (),
        forced: str | None = None,
    ) -> Session:
        """Return a session over what the arguments name; what they do not is reported.

        Parameters
        ----------
        arguments : files, folders, patterns, URLs and ``-``, as the user gave them.
        quiet : no progress bar, and no word of what is passed over.
        formats : flow logs that are taken beside captures.
        forced : the format that all inputs are of; None to tell by what they hold.

        Raises
        ------
        ConfigError : ``forced`` is no format.
        """
        if forced is not None:
            check_name(forced, formats)
        found = find(arguments, formats, forced)
        session = cls(found.inputs, quiet, formats)
        for error in found.errors:
            session.fail(error)
        for note in () if quiet else found.notes:
            complain(note)
        return session

    def refuse_overwriting(self, output: str | None, option: str = "-o") -> None:
        """Refuse an output file that is one of the inputs.

        Parameters
        ----------
        output : the file.
        option : what the user named it with.

        Raises
        ------
        ConfigError : it is.
        """
        if output is None or not os.path.exists(output):
            return
        for source in self.inputs:
            if os.path.exists(source.path) and os.path.samefile(output, source.path):
                raise ConfigError(
                    f"{option} {output}: this is one of the inputs; name another file"
                )

    @property
    def has_captures(self) -> bool:
        """Return whether there is a capture among the inputs."""
        return any(source.format == CAPTURE for source in self.inputs)

    @property
    def has_logs(self) -> bool:
        """Return whether there is a flow log among the inputs."""
        return any(source.format != CAPTURE for source in self.inputs)

    def groups(self) -> list[InputGroup]:
        """Return the flow logs among the inputs, those of one format together."""
        return groups_of(self.inputs)

    def run(self, action: Callable[[Input], None]) -> None:
        """Call ``action`` with each capture; one that cannot be read is reported.

        Parameters
        ----------
        action : what to do with a capture.
        """
        self._run([one for one in self.inputs if one.format == CAPTURE], action)

    def run_flows(self, action: Callable[[InputGroup], None]) -> None:
        """Call ``action`` with each group of flow logs; one that cannot be read is reported.

        A file of a group that cannot be read must not end the others: ``action`` gives its error to
        ``fail`` and goes on.

        Parameters
        ----------
        action : what to do with a group.
        """
        self._run(self.groups(), action)

    def opened(self, group: InputGroup, strict: bool = False) -> Iterator[FlowSource]:
        """Yield the flow logs of a group, opened; one that cannot be is reported.

        Parameters
        ----------
        group : one of ``groups``.
        strict : the first fault in a log is an error, and an error ends the group.

        Raises
        ------
        SourceError : ``strict``, and a log cannot be opened.
        """
        for source in group.inputs:
            try:
                flows = open_flows(source, self._formats, group.format, strict)
            except SourceError as error:
                if strict:
                    raise
                self.fail(error)
                continue
            self.progress.begin(source, flows.counters)
            yield flows

    def fail(self, error: SourceError) -> None:
        """Report an input that cannot be read, and count it.

        Parameters
        ----------
        error : what is wrong with it.
        """
        self.n_failed += 1
        complain(str(error))

    def _run(self, items: Sequence[_Item], action: Callable[[_Item], None]) -> None:
        if not items:
            return
        with self.progress:
            for item in items:
                try:
                    action(item)
                except SourceError as error:
                    self.fail(error)
