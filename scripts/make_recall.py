# SPDX-License-Identifier: Apache-2.0
"""Write what was measured of each kind of input: docs/benchmark/formats.md and recall.json.

    python scripts/make_recall.py OUT --made-by COMMAND [--captures OUT --captures-made-by COMMAND]

OUT is a folder that `minewatch evaluate --out OUT` wrote, also with `--formats-only`; packets and
our own records are taken from the scores of `--captures`, which may be the same folder.
"""

import argparse
import datetime
import sys
from pathlib import Path

from minewatch.capabilities.recall import FILE
from minewatch.experiments.benchmark.by_format import measured
from minewatch.experiments.benchmark.evaluate import FORMATS, SCORES
from minewatch.experiments.benchmark.format_tables import TITLES, format_blocks
from minewatch.experiments.benchmark.recall_file import as_text
from minewatch.experiments.benchmark.scores import ScoreTable, read_scores
from minewatch.experiments.benchmark.units import LAB, REAL, SCOPES, SIMULATOR
from minewatch.experiments.paper.document import Block, Heading, Paragraph, as_markdown
from minewatch.training.corpus.log_views import LOG_SETTINGS
from minewatch.training.corpus.tables import WHOLE
from minewatch.training.corpus.views import InputKind

ROOT = Path(__file__).parents[1]
PAGE = Path("docs") / "benchmark" / "formats.md"
DATA = Path("src") / "minewatch" / "capabilities" / FILE
MOMENTS_S = (600, 1800, 3600, WHOLE)
OWN_TITLES = {
    InputKind.PACKETS.value: "packets with payload",
    InputKind.NO_PAYLOAD.value: "packets without payload",
    InputKind.FIRST_30.value: "first 30 packets",
    InputKind.FLOWS_60.value: "records of minewatch, 60 s",
    InputKind.FLOWS_600.value: "records of minewatch, 600 s",
}
HEADINGS = {REAL: "Real sources", LAB: "The lab", SIMULATOR: "The simulator"}


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("scores", type=Path)
    parser.add_argument("--captures", type=Path)
    parser.add_argument("--made-by", required=True)
    parser.add_argument("--captures-made-by", default="")
    parser.add_argument("--date", default=datetime.datetime.now(datetime.UTC).date().isoformat())
    parser.add_argument("-o", "--output", type=Path, default=ROOT)
    given = parser.parse_args(arguments)
    if (given.captures is None) != (not given.captures_made_by):
        parser.error("--captures and --captures-made-by belong together")
    logs = {
        one.name: read_scores(given.scores / FORMATS / one.name)
        for one in LOG_SETTINGS
        if (given.scores / FORMATS / one.name).is_dir()
    }
    captures = None
    if given.captures is not None:
        captures = at_moments(read_scores(given.captures / SCORES))
    found = measured(logs, captures)
    commands = (given.made_by, given.captures_made_by)
    write(given.output / DATA, as_text(found, TITLES | OWN_TITLES, *commands, given.date))
    page = as_markdown(blocks(logs, given.made_by, given.date))
    write(given.output / PAGE, page)
    for name, one in found.items():
        print(name, one.normal_scored, one.false_alarms)
    return 0


def at_moments(scores: ScoreTable) -> ScoreTable:
    """Return the scores at the moments that logs are looked at: more looks, more false alarms."""
    rows = scores.rows.filter(scores.rows["horizon_s"].is_in(MOMENTS_S))
    return ScoreTable(
        rows, scores.thresholds, scores.population, scores.detectors, scores.host_days
    )


def blocks(logs: dict[str, ScoreTable], made_by: str, date: str) -> list[Block]:
    """Return the page."""
    found: list[Block] = [
        Heading(1, "Each kind of flow log"),
        Paragraph(f"Measured on {date}: `{made_by}`, then `scripts/make_recall.py`."),
        Paragraph(
            "Models learnt from our own records of 60 and 600 s, as those that ship, and from no "
            "recorder that they are asked about. Bulk and short conversations of the corpora have "
            "no packets kept and count as not scored. [What each input can tell]"
            "(../reference/capabilities.md)."
        ),
    ]
    for scope in SCOPES:
        found += format_blocks(measured(logs, scope=scope), HEADINGS[scope])
    return found


def write(path: Path, text: str) -> None:
    """Write a file, and its folder if it is not there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
