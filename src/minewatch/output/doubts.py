# SPDX-License-Identifier: Apache-2.0
"""The closest benign explanation and what would disprove the verdict, as lines for a person."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from minewatch.address import text_of
from minewatch.detectors.learnt import readable
from minewatch.doubt.checks import checks
from minewatch.doubt.fit import Fit, Measured, known_features, nearest
from minewatch.doubt.services import miner
from minewatch.output.subject import Subject

MOST: Final = 4
"""Features named on each side."""


def benign_lines(values: Mapping[str, float]) -> Iterator[str | tuple[str, str]]:
    """Yield which normal service explains a conversation best, what fits and what does not.

    Parameters
    ----------
    values : features, as ``doubt.fit.known_features`` has them; none if nothing can be compared.
    """
    fits = nearest(values)
    if not fits:
        return
    best = fits[0]
    share = f"{best.n_fitting} of {len(best.measured)} features"
    measured = f"as in {best.service.conversations:,} simulated conversations of it"
    if best.is_good:
        yield f"{_capital(best.service.name)}: {share} are {measured}."
    else:
        nearest_one = f"The nearest is {best.service.name}: only {share} are {measured}."
        yield f"None that is known. {nearest_one}"
    fitting = sorted((one for one in best.measured if one.fits), key=lambda one: one.width)
    yield from _features("fits      ", fitting)
    others = sorted((one for one in best.measured if not one.fits), key=lambda one: -one.excess)
    yield from _features("does not  ", others)
    yield _against_miner(best, values)


def _features(prefix: str, measured: Sequence[Measured]) -> Iterator[tuple[str, str]]:
    """The features that say most, each with what nine in ten conversations of the service have."""
    for one in measured[:MOST]:
        usual = f"{readable(one.usual.low)} to {readable(one.usual.high, one.unit)}"
        yield prefix, f"{one.phrase}: {readable(one.value, one.unit)} (usual {usual})"
    if len(measured) > MOST:
        yield prefix, f"and {len(measured) - MOST} more"


def _against_miner(best: Fit, values: Mapping[str, float]) -> str:
    mining = nearest(values, [miner()])
    if not mining:
        return "Too little is known to say how well a miner fits."
    one = mining[0]
    is_nearer = (one.is_good, one.likeness) > (best.is_good, best.likeness)
    verb = "is the better explanation" if is_nearer else "explains it no better"
    return f"A miner at its pool {verb}: {one.n_fitting} of {len(one.measured)} features fit."


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def check_lines(subject: Subject, values: Mapping[str, float]) -> Iterator[str]:
    """Yield what to look at before somebody acts.

    Parameters
    ----------
    subject : a conversation that is called mining.
    values : features, as ``doubt.fit.known_features`` has them.
    """
    row = subject.frame.row(0, named=True)
    sides = ("source", "destination")
    near, far = sides if row["is_source_home"] is not False else reversed(sides)
    address = {s: text_of(row[f"{s}_address_high"], row[f"{s}_address_low"]) for s in sides}
    port = {s: int(row[f"{s}_transport_port"]) for s in sides}
    ends = (address[near], port[near], address[far], port[far])
    yield from checks(row, ends, subject.verdict.evidence, values, subject.others)


def features_of(subject: Subject) -> dict[str, float]:
    """Return what can be compared of a conversation.

    Parameters
    ----------
    subject : the conversation.
    """
    return known_features(subject.conversations)
