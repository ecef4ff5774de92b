# SPDX-License-Identifier: Apache-2.0
"""Draws docs/images/demo.svg: the real output of ``minewatch demo``, as a terminal shows it."""

import io
import re
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import MONOKAI

from minewatch.cli.demo import show
from minewatch.output.terminal import safe

PICTURE = Path(__file__).parents[1] / "docs" / "images" / "demo.svg"
WIDTH = 108


def picture() -> str:
    """Return the picture as SVG; the same output gives the same octets."""
    console = Console(
        record=True,
        width=WIDTH,
        file=io.StringIO(),
        force_terminal=True,
        color_system="truecolor",
        highlight=False,
        markup=False,
    )
    console.print(safe("$ minewatch demo", style="bold"))
    console.print()
    show(console)
    svg = console.export_svg(title="minewatch demo", theme=MONOKAI, unique_id="minewatch-demo")
    # rich asks a font server for Fira Code; whoever reads the README should not have to.
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
    return svg.replace("font-family: Fira Code, monospace", "font-family: monospace")


def main() -> None:
    """Write the picture."""
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    PICTURE.write_text(picture(), encoding="utf-8")


if __name__ == "__main__":
    main()
