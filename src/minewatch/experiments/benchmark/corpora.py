# SPDX-License-Identifier: Apache-2.0
"""The benchmark's conversations: from labels files, and from a folder that remembers them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import polars as pl

from minewatch.errors import ConfigError
from minewatch.schema import SCHEMA_VERSION
from minewatch.training.corpus.build import build_corpus
from minewatch.training.corpus.cesnet import read_cesnet
from minewatch.training.corpus.stored import Corpus, joined, read_corpus

CACHE_VERSION: Final = 1
"""Raise it when what a corpus holds of the same captures changes."""


def read_sources(
    labels: Sequence[str],
    cesnet: str | None = None,
    cache: Path | None = None,
    on_step: Callable[[str], None] = lambda step: None,
) -> Corpus:
    """Return the conversations of labels files, lab or simulator runs, and of CESNET-MINER22.

    Parameters
    ----------
    labels : labels files, or folders of runs that hold a ``labels.tsv``.
    cesnet : CSV of CESNET-MINER22; None for none.
    cache : folder in which corpora are kept; one of the same labels file, unchanged, is not built
        again. Captures are told by name: after a change of one, empty the folder.
    on_step : called with what is read next.

    Raises
    ------
    ConfigError : labels are wrong, or label nothing.
    SourceError : a capture is missing.
    """
    corpora = []
    for name in labels:
        on_step(f"reading {name}")
        corpora.append(_remembered(Path(name), cache))
    if cesnet is not None:
        on_step(f"reading {cesnet}")
        corpora.append(read_cesnet(cesnet))
    return joined(corpora)


def _remembered(path: Path, cache: Path | None) -> Corpus:
    file = path / "labels.tsv" if path.is_dir() else path
    try:
        text = file.read_bytes()
    except OSError as error:
        raise ConfigError(
            f"{file}: cannot be read ({error.strerror}): name a labels file, or the folder of a run"
        ) from error
    if cache is None:
        return build_corpus([path])
    key = f"{CACHE_VERSION} {SCHEMA_VERSION} {file.resolve()}".encode() + text
    folder = cache / hashlib.sha256(key).hexdigest()[:16]
    if folder.is_dir():
        return read_corpus(folder)
    corpus = build_corpus([path])
    part = folder.with_name(folder.name + ".part")
    corpus.write(part)
    part.rename(folder)
    return corpus


def renamed(corpus: Corpus, source: str) -> Corpus:
    """Return a corpus whose conversations all come from one source.

    Parameters
    ----------
    corpus : any.
    source : its name.
    """
    return Corpus(
        corpus.conversations.with_columns(source=pl.lit(source)),
        corpus.packets,
        corpus.decoded,
        corpus.unreadable,
    )
