# SPDX-License-Identifier: Apache-2.0
"""Tables of the speed benchmark, and the figures that the project wants to reach."""

from dataclasses import asdict, dataclass

from measure import Result

MIB_LIMIT = 1024.0
HELP_LIMIT_S = 0.3


@dataclass
class Check:
    """One wanted figure; ``measured`` is None when a program it needs was not run."""

    text: str
    measured: float | None
    limit: float
    at_most: bool = False

    @property
    def verdict(self) -> str:
        if self.measured is None:
            return "not measured"
        met = self.measured <= self.limit if self.at_most else self.measured >= self.limit
        return "met" if met else "NOT met"


def speed_ratio(results: dict[str, Result], left: str, right: str) -> float | None:
    """How many times as fast as ``right`` the program ``left`` is."""
    if left not in results or right not in results:
        return None
    return results[right].wall_s / results[left].wall_s


def checks(results: dict[str, Result], large: bool, help_s: float | None) -> list[Check]:
    """List the wanted figures that this size of capture can show."""
    wanted = [("meter", "softflowd", 2.2), ("scan", "softflowd", 1.5)]
    if not large:
        wanted += [("meter", "nfstream", 25.0), ("scan", "nfstream", 15.0)]
    found = [
        Check(f"speed of {left} / speed of {right}", speed_ratio(results, left, right), limit)
        for left, right, limit in wanted
    ]
    if large:
        slower = speed_ratio(results, "flowloop", "meter")
        found.append(Check("time of meter / time of flowloop", slower, 1.5, at_most=True))
        for name in ("meter", "scan"):
            peak = results[name].peak_mib if name in results else None
            found.append(Check(f"peak memory of {name} [MiB]", peak, MIB_LIMIT, at_most=True))
    found.append(Check("time of --help [s]", help_s, HELP_LIMIT_S, at_most=True))
    return found


def program_table(results: dict[str, Result], packets: int) -> str:
    """One line per program."""
    peers = ("nfstream", "softflowd", "flowloop")
    header = ["program", "wall s", "spread", "CPU s", "Mpackets/s"]
    rows = [[*header, *(f"/ {peer}" for peer in peers), "peak MiB", "counted"]]
    for name, result in results.items():
        ratios = [_number(speed_ratio(results, name, peer)) for peer in peers]
        rows.append(
            [
                name,
                f"{result.wall_s:.2f}",
                f"{result.spread:.0%}",
                f"{result.cpu_s:.2f}",
                f"{packets / result.wall_s / 1e6:.2f}",
                *ratios,
                f"{result.peak_mib:.0f}",
                "-" if result.counted is None else f"{result.counted}",
            ]
        )
    return _aligned(rows)


def flow_table(results: dict[str, Result], records: int, peer: str) -> str:
    """One line per program that reads a flow log of so many records."""
    rows = [["program", "wall s", "spread", "CPU s", "k records/s", f"/ {peer}", "peak MiB"]]
    for name, result in results.items():
        rows.append(
            [
                name,
                f"{result.wall_s:.2f}",
                f"{result.spread:.0%}",
                f"{result.cpu_s:.2f}",
                f"{records / result.wall_s / 1e3:.0f}",
                _number(speed_ratio(results, name, peer)),
                f"{result.peak_mib:.0f}",
            ]
        )
    return _aligned(rows)


def check_table(found: list[Check]) -> str:
    """One line per wanted figure."""
    rows = [["wanted", "limit", "measured", "verdict"]]
    for check in found:
        sign = "<=" if check.at_most else ">="
        limit = f"{sign} {check.limit:g}"
        rows.append([check.text, limit, _number(check.measured), check.verdict])
    return _aligned(rows)


def as_json(
    results: dict[str, Result], found: list[Check], conditions: dict[str, object]
) -> dict[str, object]:
    """Everything that was measured, run by run."""
    return {
        **conditions,
        "programs": {
            name: [asdict(run) for run in result.runs] for name, result in results.items()
        },
        "checks": [{**asdict(check), "verdict": check.verdict} for check in found],
    }


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _aligned(rows: list[list[str]]) -> str:
    """Left-align the first column and right-align the rest."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for first, *rest in rows:
        cells = [cell.rjust(width) for cell, width in zip(rest, widths[1:], strict=True)]
        lines.append("  ".join([first.ljust(widths[0]), *cells]))
    return "\n".join(lines)
