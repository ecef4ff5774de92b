# SPDX-License-Identifier: Apache-2.0
"""What people found alerts to be: kept in a file beside the alerts, and counted.

Nothing learns from it by itself. Each line is a judgement; of several about one alert the last one
counts, and all of them stay.
"""

from __future__ import annotations

import fcntl
import json
import math
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

from minewatch.errors import ConfigError, SinkError, SourceError

VERSION: Final = 1
MAX_REASON: Final = 1_000
MAX_LINE_OCTETS: Final = 1 << 14
MAX_JUDGEMENTS: Final = 1_000_000
SUFFIX: Final = ".labels.jsonl"
Z_95: Final = 1.959963984540054
"""Quantile of the normal distribution for a two-sided interval of 95 %."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What somebody found an alert to be.

    Parameters
    ----------
    alert_id : the alert.
    is_mining : whether it was right.
    reason : how that is known.
    user : who says so.
    time_ns : when.

    Raises
    ------
    ConfigError : no reason, or one that is too long or not printable.
    """

    alert_id: str
    is_mining: bool
    reason: str
    user: str
    time_ns: int

    def __post_init__(self) -> None:
        """Refuse what nobody could check later."""
        if not self.reason.strip():
            raise ConfigError("--reason is empty: say how it is known, for whoever asks later")
        if len(self.reason) > MAX_REASON or not self.reason.isprintable():
            raise ConfigError(f"--reason: {MAX_REASON:,} printable characters at most, on one line")


@dataclass(slots=True)
class Feedback:
    """All judgements of a file."""

    judgements: dict[str, Judgement] = field(default_factory=dict)
    """The last one of each alert."""
    n_damaged: int = 0
    """Lines that are no judgements."""


@dataclass(frozen=True, slots=True)
class Precision:
    """Which share of the judged alerts was right, with an interval of 95 %."""

    right: int
    wrong: int

    @property
    def judged(self) -> int:
        """How many were judged."""
        return self.right + self.wrong

    def interval(self) -> tuple[float, float]:
        """Return Wilson's interval for the share (J. Am. Stat. Assoc. 22, 1927); 0 to 1 of none.

        Examples
        --------
        >>> low, high = Precision(right=9, wrong=1).interval()
        >>> round(low, 3), round(high, 3)
        (0.596, 0.982)
        """
        n = self.judged
        if not n:
            return 0.0, 1.0
        share, squared = self.right / n, Z_95 * Z_95
        middle = (share + squared / (2 * n)) / (1 + squared / n)
        spread = math.sqrt(share * (1 - share) / n + squared / (4 * n * n))
        half = Z_95 / (1 + squared / n) * spread
        return max(0.0, middle - half), min(1.0, middle + half)

    def sentence(self) -> str:
        """Return it for a person.

        Examples
        --------
        >>> Precision(right=9, wrong=1).sentence()
        'precision to date: 9 of 10 judged alerts were right, 90.0 % (95 % interval 59.6 to 98.2 %)'
        """
        if not self.judged:
            return "precision to date: no alert was judged yet"
        low, high = self.interval()
        share = 100 * self.right / self.judged
        return (
            f"precision to date: {self.right:,} of {self.judged:,} judged alerts were right, "
            f"{share:.1f} % (95 % interval {100 * low:.1f} to {100 * high:.1f} %)"
        )


def labels_beside(path: str) -> Path:
    """Return the file of the judgements of a file of alerts.

    Parameters
    ----------
    path : of the alerts.

    Examples
    --------
    >>> str(labels_beside("/var/lib/minewatch/alerts.jsonl"))
    '/var/lib/minewatch/alerts.labels.jsonl'
    """
    name = Path(path)
    return name.with_name(name.name.removesuffix(name.suffix) + SUFFIX)


def add_judgement(path: Path, judgement: Judgement) -> None:
    """Append a judgement; it is on the disk when this returns.

    Parameters
    ----------
    path : of the judgements; made if there is none.
    judgement : any.

    Raises
    ------
    SinkError : it cannot be written.
    """
    line = json.dumps({"version": VERSION, **asdict(judgement)}, separators=(",", ":")).encode()
    try:
        # Root judges in a folder of the watcher, who must not lead it elsewhere by a link.
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        file = os.open(path, flags, 0o640)
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            size = os.fstat(file).st_size
            if not size:
                _give_to_owner_of(path.parent, file)
            is_torn = size > 0 and os.pread(file, 1, size - 1) != b"\n"
            octets = memoryview(b"\n" * is_torn + line + b"\n")
            while octets:
                octets = octets[os.write(file, octets) :]
            os.fsync(file)
        finally:
            os.close(file)
    except OSError as error:
        raise SinkError(f"{path}: cannot be written ({error.strerror})") from error


def _give_to_owner_of(folder: Path, file: int) -> None:
    """Let whoever owns the folder read what root writes there, such as the responder's group."""
    if os.geteuid() == 0:
        owner = folder.stat()
        os.fchown(file, owner.st_uid, owner.st_gid)


def read_feedback(path: Path) -> Feedback:
    """Return the judgements of a file; none if there is no file.

    Parameters
    ----------
    path : of the judgements.

    Raises
    ------
    SourceError : it cannot be read, or holds more than fit.
    """
    found = Feedback()
    is_rest = False
    try:
        with open(path, "rb") as file:
            for line in iter(lambda: file.readline(MAX_LINE_OCTETS), b""):
                is_whole = line.endswith(b"\n")
                judgement = _judgement(line) if is_whole and not is_rest else None
                if judgement is not None:
                    found.judgements[judgement.alert_id] = judgement
                elif not is_rest:
                    found.n_damaged += 1
                is_rest = not is_whole
                if len(found.judgements) > MAX_JUDGEMENTS:
                    raise SourceError(str(path), f"more than {MAX_JUDGEMENTS:,} judgements")
    except FileNotFoundError:
        return found
    except OSError as error:
        raise SourceError(str(path), f"cannot be read ({error.strerror})") from error
    return found


def precision_of(judgements: Iterable[Judgement]) -> Precision:
    """Return which share of the judged alerts was right.

    Parameters
    ----------
    judgements : one for each alert.
    """
    verdicts = [one.is_mining for one in judgements]
    return Precision(sum(verdicts), len(verdicts) - sum(verdicts))


def _judgement(line: bytes) -> Judgement | None:
    try:
        data = json.loads(line)
        if not isinstance(data, Mapping) or data.get("version") != VERSION:
            return None
        texts = [data[name] for name in ("alert_id", "reason", "user")]
        is_mining, time_ns = data["is_mining"], data["time_ns"]
        if not all(isinstance(text, str) for text in texts) or not isinstance(is_mining, bool):
            return None
        if type(time_ns) is not int:
            return None
        return Judgement(texts[0], is_mining, texts[1], texts[2], time_ns)
    except (ValueError, KeyError, RecursionError, ConfigError):
        return None
