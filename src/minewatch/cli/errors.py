# SPDX-License-Identifier: Apache-2.0
"""How commands end: one line on standard error, and an exit status that scripts can rely on."""

from __future__ import annotations

import errno
import os
import signal
import sys
import traceback
from collections.abc import Callable
from types import FrameType
from typing import Any, Final, NoReturn

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

from minewatch.errors import MinewatchError

NOTHING_FOUND: Final = 0
FOUND: Final = 1
ERROR: Final = 2
INTERRUPTED: Final = 130
PIPE_CLOSED: Final = 141
TERMINATED: Final = 143
_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})


def complain(text: str) -> None:
    """Print one line on standard error, control characters replaced.

    Parameters
    ----------
    text : what is wrong, where, and the cure.
    """
    line = " ".join(text.split())
    line = "".join(c if c.isprintable() else "?" for c in line)
    encoding = sys.stderr.encoding or "utf-8"
    line = line.encode(encoding, "replace").decode(encoding)
    print(f"minewatch: {line}", file=sys.stderr)


class CommandGroup(TyperGroup):
    """Turns whatever a command raises into one line and an exit status."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command of a context."""
        return _guarded(lambda: super(CommandGroup, self).invoke(ctx))

    def main(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Parse arguments, run the command and exit."""
        kwargs["standalone_mode"] = False
        kwargs.setdefault("prog_name", "minewatch")
        try:
            status = super().main(*args, **kwargs)
        except TyperException as error:
            status = _usage_error(error)
        except typer.Abort:
            status = INTERRUPTED
        except SystemExit as end:
            # Rich ends with 1 when nobody reads standard output; here 1 means mining was found.
            status = PIPE_CLOSED if end.code == FOUND else end.code
        except OSError as error:  # the help could not be written
            if error.errno not in _NO_ROOM:
                raise
            status = _refused(error)
        sys.exit(status if isinstance(status, int) else NOTHING_FOUND)


def _guarded(run: Callable[[], Any]) -> Any:
    before = _on_terminate(_terminate)
    try:
        result = run()
        sys.stdout.flush()
    except MinewatchError as error:
        complain(str(error))
        raise typer.Exit(ERROR) from error
    except KeyboardInterrupt as error:
        raise typer.Exit(_interrupted()) from error
    except BrokenPipeError as error:
        # Whoever read our output has gone; the interpreter must not try to flush into it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(PIPE_CLOSED) from error
    except (TyperException, typer.Exit, typer.Abort):
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno in _NO_ROOM:
            raise typer.Exit(_refused(error)) from error
        if _has_interrupt(error):
            raise typer.Exit(_interrupted()) from error
        # A defect of ours: status 1, Python's own, would mean that mining was found.
        traceback.print_exc()
        complain("this is a defect in minewatch; please report it with the lines above")
        raise typer.Exit(ERROR) from error
    finally:
        _on_terminate(before)
    return result


def _interrupted() -> int:
    complain("interrupted; no output file was written")
    return INTERRUPTED


def _has_interrupt(error: BaseException | None) -> bool:
    """Return whether an interrupt lies below an error, as when it hits the import of a library."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None


def _refused(error: OSError) -> int:
    complain(f"standard output: {error.strerror}; what was written is not whole")
    return ERROR


def _usage_error(error: TyperException) -> int:
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "minewatch"
    text = error.format_message().rstrip(".")
    if not text:  # no arguments at all: the help was asked for in a way
        return ERROR
    complain(f"{text}; see {command} --help")
    return ERROR


def _terminate(number: int, frame: FrameType | None) -> NoReturn:
    raise SystemExit(TERMINATED)


def _on_terminate(handler: Any) -> Any:
    """Set what SIGTERM does, where that is allowed; return what it did before."""
    try:
        return signal.signal(signal.SIGTERM, handler)
    except ValueError:  # not in the main thread
        return signal.SIG_DFL
