# SPDX-License-Identifier: Apache-2.0
"""Commands on their own, with the endings of the real group."""

from collections.abc import Callable

import typer
from typer.testing import CliRunner, Result

from minewatch.cli.errors import CommandGroup


def runner_of(**commands: object) -> Callable[..., Result]:
    """Return what runs commands: functions or groups by name, `_` for `-`."""
    app = typer.Typer(cls=CommandGroup, pretty_exceptions_enable=False)
    app.callback()(lambda: None)
    for name, command in commands.items():
        if isinstance(command, typer.Typer):
            app.add_typer(command, name=name.replace("_", "-"))
        else:
            app.command(name.replace("_", "-"))(command)

    def run(*arguments: object, **options: object) -> Result:
        return CliRunner().invoke(app, [str(one) for one in arguments], **options)

    return run
