# SPDX-License-Identifier: Apache-2.0
"""Writes docs/reference from the code: what it says of commands, columns and fields is true.

Run it after a change to an option, a column, a field or a detector's docstring; a test compares.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import typer.main

from minewatch import registry
from minewatch.capabilities.page import markdown, page_lines
from minewatch.capabilities.recall import shipped
from minewatch.capabilities.table import capabilities
from minewatch.cli import app
from minewatch.cli.catalogue import describe, schema_rows
from minewatch.cli.errors import ERROR, FOUND, INTERRUPTED, NOTHING_FOUND, PIPE_CLOSED, TERMINATED
from minewatch.detectors.learnt import readable
from minewatch.doubt.services import OF_MESSAGES, OF_RECORDS, miner, services
from minewatch.features.rhythm import FAMILIES
from minewatch.output.catalogue import BASELINE
from minewatch.output.contract import CONTRACT_VERSION, FIELDS, json_schema
from minewatch.output.records import records
from minewatch.schema import SCHEMA_VERSION
from minewatch.testing import conversations
from minewatch.types import Evidence, Verdict

REFERENCE = Path(__file__).parents[1] / "docs" / "reference"
NOTE = "<!-- Written by scripts/make_reference.py from the code: change that, and run it. -->"
STATUSES = {
    NOTHING_FOUND: "done; for `scan`: nothing found",
    FOUND: "`scan` found mining that is not allowed, whatever else happened",
    ERROR: "an input could not be read, an option or model is bad; with `scan`, nothing was found "
    "beside that",
    INTERRUPTED: "interrupted (Ctrl-C); no output file is left",
    PIPE_CLOSED: "whoever read standard output has gone",
    TERMINATED: "terminated; no output file is left",
}


def pages() -> dict[str, str]:
    """Return the text of each page by its name."""
    return {
        "capabilities.md": "\n".join(what_inputs_tell()) + "\n",
        "cli.md": "\n".join(cli()) + "\n",
        "detectors.md": "\n".join(detectors()) + "\n",
        "jsonl.md": "\n".join(jsonl()) + "\n",
        "look-alikes.md": "\n".join(look_alikes()) + "\n",
        "schema.md": "\n".join(schema()) + "\n",
        "scan-jsonl.schema.json": json.dumps(json_schema(), indent=2) + "\n",
    }


def what_inputs_tell() -> Iterator[str]:
    yield from ("# What each input can tell", "", NOTE, "")
    yield "`minewatch capabilities` prints the same, with `--format json` for programs."
    yield ""
    measurements = shipped()
    yield from page_lines(capabilities(registry.detectors(), measurements), measurements)


def cli() -> Iterator[str]:
    yield from ("# Command line", "", NOTE, "")
    yield "`minewatch COMMAND --help` shows the same. Results go to standard output; progress,"
    yield "errors and the summary beside machine formats go to standard error. `NO_COLOR` turns"
    yield "colours off; without a terminal there are none, and no progress bar."
    yield from ("", "## Exit status", "")
    yield from markdown(("status", "meaning"), ((str(s), text) for s, text in STATUSES.items()))
    yield ""
    yield "As with clamscan, a find outranks an error: an input that could not be read is named on"
    yield "standard error, the others are scanned, and the status is 1 if mining was found in them."
    yield "With `scan --strict` an error outranks a find."
    group: Any = typer.main.get_command(app)
    for name, command in all_commands(group):
        yield from one_command(name, command)


def all_commands(group: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield each command and its full name, those of groups within the group too."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from all_commands(command, f"{prefix}{name} ")
        else:
            yield f"{prefix}{name}", command


def one_command(name: str, command: Any) -> Iterator[str]:
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    options = [p for p in command.params if p.param_type_name == "option" and p.name != "help"]
    usage = " ".join(["minewatch", name, *(plain(p.metavar) for p in arguments)])
    yield from ("", f"## `minewatch {name}`", "", plain(command.help), "")
    yield f"`{usage}{' [OPTIONS]' if options else ''}`"
    rows = [(f"`{p.metavar}`", plain(p.help), "") for p in arguments]
    rows += [(option_names(p), plain(p.help).split(" [default")[0], default(p)) for p in options]
    if rows:
        yield ""
        yield from markdown(("argument or option", "meaning", "default"), rows)
    if command.epilog:
        paragraphs = [plain(text) for text in command.epilog.strip().split("\n\n")]
        examples = [text for text in paragraphs if "minewatch " in text and ": " not in text]
        examples = [text for text in examples if not text.startswith("minewatch schema describes")]
        if examples:
            yield from ("", "<!-- not run: the files are examples -->", "```console")
            yield from (f"$ {text}" for text in examples)
            yield "```"


def option_names(option: Any) -> str:
    names = ", ".join(f"`{name}`" for name in sorted(option.opts, key=len))
    return names if option.is_flag else f"{names} `{option.metavar or 'VALUE'}`"


def default(option: Any) -> str:
    help_text = plain(option.help)
    if "[default: " in help_text:
        return help_text.partition("[default: ")[2].rstrip("]")
    if option.is_flag or option.default is None:
        return "required" if option.required else ""
    return str(option.default)


def plain(text: str | None) -> str:
    return " ".join((text or "").replace("\\[", "[").split())


def detectors() -> Iterator[str]:
    yield from ("# Detectors", "", NOTE, "")
    yield "`minewatch detectors` lists the same. Each gives a conversation a probability of"
    yield "mining, or none where it is not ready. A verdict is made of them:"
    yield "[how it decides](../concepts/how-it-decides.md)."
    for detector in registry.detectors(with_baselines=True):
        found = describe(detector)
        needs = ", ".join(f"`{name}`" for name in found.requires)
        yield from ("", f"## `{found.name}`", "", found.summary, "")
        if not found.is_counted:
            yield f"- **Counts** {BASELINE}."
        yield f"- **Needs** {needs}."
        yield f"- **Blind to** {found.blind_to}"
        if found.reference:
            yield f"- **From** {found.reference}"


def schema() -> Iterator[str]:
    yield from (f"# Columns, schema version {SCHEMA_VERSION}", "", NOTE, "")
    yield "`minewatch schema` lists the same, with `--format jsonl` for programs. Names are IPFIX"
    yield "names in snake case; `reverse_` is the direction from responder to initiator (RFC 5103)."
    yield "Times are nanoseconds UTC, sizes octets, and a missing value is null, never 0."
    yield ""
    yield "`minewatch meter` writes the columns of the table `flow`, with both addresses as text"
    yield "(`source_address`, `destination_address`), and a first column `capture` if there were"
    yield "several inputs: `flow_id` counts from 1 in each of them. Where flow logs are among"
    yield "them, a last column `sampling_packet_interval` says how many packets one counted"
    yield "packet stands for; counts are multiplied by it already."
    rows = list(schema_rows())
    for name in dict.fromkeys(row["table"] for row in rows):
        yield from ("", f"## {name}", "")
        heads = ("column", "type", "unit", "IPFIX", "meaning")
        yield from markdown(
            heads,
            (
                (f"`{r['name']}`", r["type"], r["unit"], r["ipfix"], r["description"])
                for r in rows
                if r["table"] == name
            ),
        )


def jsonl() -> Iterator[str]:
    yield from (f"# `scan --format jsonl`, version {CONTRACT_VERSION}", "", NOTE, "")
    yield "One JSON object a line for each conversation labelled mining; with `--all` for every"
    yield "conversation. Lines are ASCII and hold no NaN. Within a version fields are only added:"
    yield "ignore those that you do not know. The version changes when a field's meaning does."
    yield "[JSON Schema](scan-jsonl.schema.json)."
    yield ""
    rows = ((f"`{f.name}`", json_type(f.json), f.description) for f in FIELDS)
    yield from markdown(("field", "type", "meaning"), rows)
    yield from ("", "An example, spread over lines here:", "", "```json")
    yield from json.dumps(example(), indent=2).splitlines()
    yield "```"
    yield from ("", "## The same in other formats", "")
    yield "- `csv` and `parquet`: the same fields as columns. `detectors` becomes one column for"
    yield "  each detector, `detector_<name>`; `evidence` becomes its sentences, and so do `tags`,"
    yield "  `transit` (its name) and the allowances. Times are RFC 3339"
    yield "  text in CSV and timestamps (microseconds, UTC) in Parquet."
    yield "- `eve`: alert events as Suricata's EVE JSON has them, one for each conversation"
    yield "  labelled mining, with `--all` too. What EVE has no field for stands under `minewatch`."
    yield "  What is allowed has the lowest severity."


def look_alikes() -> Iterator[str]:
    yield from ("# Normal services that look like miners", "", NOTE, "")
    yield "What `minewatch explain` compares a conversation with to find the closest benign"
    yield "explanation: the 5th to the 95th percentile of simulated conversations, as they ended"
    yield "and after ten minutes; in brackets the median. A service that is missing has none of it."
    yield "[How it is used](../concepts/how-it-decides.md). `scripts/measure_services.py` makes it."
    words = {
        name: (phrase, unit)
        for features in FAMILIES
        for name, phrase, unit in zip(
            features.feature_names, features.feature_phrases, features.feature_units, strict=True
        )
    }
    for names, title in ((OF_MESSAGES, "By messages"), (OF_RECORDS, "By flow records")):
        yield from ("", f"## {title}", "")
        yield from (f"- `{name}`: {words[name][0]} [{words[name][1]}]" for name in names)
        for name in names:
            yield from ("", f"### `{name}`", "")
            yield from markdown(
                ("service", "usual", "conversations"),
                (
                    (one.name, usual(one, name), f"{one.conversations:,}")
                    for one in (miner(), *services())
                    if name in one.features
                ),
            )


def usual(service: Any, name: str) -> str:
    given = service.features[name]
    return f"{readable(given.low)} to {readable(given.high)} ({readable(given.median)})"


def example() -> dict[str, Any]:
    evidence = Evidence("stratum_state", "session", "text", 13.12, "A login was answered by a job.")
    detectors = {"signature": 0.999, "intel": None, "rhythm": 0.21}
    verdict = Verdict(1, 0.99999, "mining", detectors, [evidence])
    frame = conversations().frame.with_columns(stratum_algorithm=pl.lit("rx/0"))
    (record,) = records(frame, [verdict], "incident.pcap")
    return record


def json_type(schema: Any) -> str:
    if "enum" in schema:
        return "string"
    kind = schema["type"]
    return kind if isinstance(kind, str) else " or ".join(kind)


def main() -> None:
    """Write every page."""
    REFERENCE.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (REFERENCE / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
