# SPDX-License-Identifier: Apache-2.0
"""One run over inputs: a bad one is reported and the others go on."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

from minewatch.cli.errors import complain
from minewatch.cli.progress import ProgressBar
from minewatch.errors import ConfigError, SourceError
from minewatch.readers.source import Input, find_inputs


class Session:
    """The inputs of a command, what went wrong with them, and how far they are.

    Parameters
    ----------
    inputs : what to read.
    quiet : no progress bar.
    """

    def __init__(self, inputs: Sequence[Input], quiet: bool = False) -> None:
        self.inputs = inputs
        self.n_failed = 0
        self.progress = ProgressBar(inputs, quiet)

    @classmethod
    def of(cls, arguments: Sequence[str], quiet: bool = False) -> Session:
        """Return a session over what the arguments name; what they do not is reported.

        Parameters
        ----------
        arguments : files, folders, patterns and ``-``, as the user gave them.
        quiet : no progress bar.
        """
        inputs, errors = find_inputs(arguments)
        session = cls(inputs, quiet)
        for error in errors:
            session._fail(error)
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

    def run(self, action: Callable[[Input], None]) -> None:
        """Call ``action`` with each input; an input that cannot be read is reported.

        Parameters
        ----------
        action : what to do with an input.
        """
        with self.progress:
            for source in self.inputs:
                try:
                    action(source)
                except SourceError as error:
                    self._fail(error)

    def _fail(self, error: SourceError) -> None:
        self.n_failed += 1
        complain(str(error))
