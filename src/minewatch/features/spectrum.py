# SPDX-License-Identifier: Apache-2.0
"""Which rhythms there are in packets and octets a second, and how much those vary."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from minewatch.features.matrix import divide
from minewatch.features.named import NamedFeatures
from minewatch.features.series import Series
from minewatch.features.stretch import Bins, binned, stretch_of
from minewatch.types import BoolArray, Conversations, FloatArray

BIN_S: Final = 1.0
N_BINS: Final = 512
"""Eight and a half minutes: beats of 2 s to 4 min are told apart."""
LEAST_PACKETS: Final = 6
LEAST_BINS: Final = 16
"""Below these a spectrum says no more than the counts do."""
COARSE: Final = 16
"""Bins that are taken together to tell steadiness over minutes."""
LAGS: Final = (1, 2, 5, 10, 30, 60)
FASTEST_ECHO: Final = 4
SLOWEST_ECHO: Final = 130
"""Bins: below the first everything echoes itself; the second covers a beat of two minutes."""
ROWS_AT_ONCE: Final = 64
"""Four arrays of this many rows stay in a processor's cache; all rows at once would need
gigabytes."""
_N_BANDS: Final = int(np.log2(N_BINS // 2))
_FLOOR: Final = 1e-9
"""Power, as a share of the total, below which there is none: rounding leaves about 1e-16."""


def spectrum_columns(conversations: Conversations) -> list[FloatArray]:
    """Return the columns of ``SpectrumFeatures``, each of shape (n,).

    Parameters
    ----------
    conversations : n of them.
    """
    n = len(conversations)
    found = np.full((n, len(SpectrumFeatures.features)), np.nan)
    stretch = stretch_of(conversations)
    enough = stretch.count() >= LEAST_PACKETS
    packets = stretch.where(np.repeat(enough, stretch.count()))
    chosen = np.flatnonzero(enough)
    packets = Series(
        packets.stops[chosen], packets.time_s, packets.octets, packets.is_sent, packets.is_first
    )
    for start in range(0, len(chosen), ROWS_AT_ONCE):
        part = slice(start, start + ROWS_AT_ONCE)
        found[chosen[part]] = _of_bins(binned(packets, part, N_BINS, BIN_S))
    return list(found.T)


@dataclass(frozen=True, slots=True)
class _Binned:
    """One series of some conversations, with what its statistics share; shape (n, N_BINS) each."""

    values: FloatArray
    off: FloatArray
    """The values less their mean, 0 where nothing was seen."""
    power: FloatArray
    """Of each frequency but 0, shape (n, N_BINS / 2)."""


def _of_bins(bins: Bins) -> FloatArray:
    """The features of some conversations, shape (n, n_features)."""
    seen = bins.is_seen.astype(np.float64)
    n_seen = seen.sum(axis=1)
    columns: list[FloatArray] = []
    both: list[_Binned] = []
    for sent_or_received, sizes in zip(bins.counts, bins.octets, strict=True):
        counts, octets = (_transformed(one, seen, n_seen) for one in (sent_or_received, sizes))
        columns += _spectral(counts, n_seen) + _emptiness(counts, bins.is_seen, n_seen)
        columns += _echoes(counts, n_seen)
        columns += [*_spectral(octets, n_seen), _steps(octets.values, bins.is_seen)]
        both.append(counts)
    sent, received = (one.off for one in both)
    spread = np.sqrt(_dot(sent, sent) * _dot(received, received))
    columns.append(divide(_dot(sent, received), spread))
    columns.append(divide(_dot(sent[:, :-1], received[:, 1:]), spread))
    packets = sum(one.values.sum(axis=1) for one in both)
    found = np.stack(columns, axis=1)
    found[(n_seen < LEAST_BINS) | (packets < LEAST_PACKETS)] = np.nan
    return found


def _dot(one: FloatArray, other: FloatArray) -> FloatArray:
    """The product of each row of one with that of the other, shape (n,)."""
    found: FloatArray = np.einsum("ij,ij->i", one, other)
    return found


def _transformed(values: FloatArray, seen: FloatArray, n_seen: FloatArray) -> _Binned:
    off = values - (values.sum(axis=1) / n_seen)[:, None] * seen
    waves = np.fft.rfft(off, axis=1)[:, 1:]
    return _Binned(values, off, waves.real**2 + waves.imag**2)


def _spectral(series: _Binned, n_seen: FloatArray) -> list[FloatArray]:
    """Shares of power by octave; flatness, entropy and peak of the spectrum."""
    total = series.power.sum(axis=1)
    share = series.power / np.where(total > _FLOOR, total, np.nan)[:, None]
    bands = np.add.reduceat(share, 2 ** np.arange(_N_BANDS) - 1, axis=1)
    # A band whose every wave is longer than what was seen is not known.
    fastest = 2.0 ** (np.arange(_N_BANDS) + 1)
    bands[fastest[None, :] * n_seen[:, None] <= N_BINS] = np.nan
    logs = np.log(np.maximum(share, _FLOOR))
    n = share.shape[1]
    at = series.power.argmax(axis=1) + 1
    return [
        *bands.T,
        np.exp(logs.mean(axis=1)) * n,
        -_dot(share, logs) / np.log(n),
        share.max(axis=1),
        np.where(total > _FLOOR, at / (N_BINS * BIN_S), np.nan),
    ]


def _emptiness(series: _Binned, is_seen: BoolArray, n_seen: FloatArray) -> list[FloatArray]:
    """How much a bin differs from the next, and how many are empty; fine and coarse."""
    values = series.values
    has_any = values.any(axis=1)
    coarse = values.reshape(len(values), -1, COARSE).sum(axis=2)
    is_whole: BoolArray = np.all(is_seen.reshape(len(values), -1, COARSE), axis=2)
    n_whole = is_whole.sum(axis=1)
    known = has_any & (n_whole >= 4)
    coarse_full = ((coarse > 0) & is_whole).sum(axis=1)
    return [
        _steps(values, is_seen),
        np.where(has_any, 1 - np.count_nonzero(values, axis=1) / n_seen, np.nan),
        np.where(known, _steps(coarse, is_whole), np.nan),
        np.where(known, 1 - coarse_full / np.maximum(n_whole, 1), np.nan),
    ]


def _steps(values: FloatArray, is_seen: BoolArray) -> FloatArray:
    """Sum of the steps from bin to bin over twice the sum of the bins: 0 steady, 1 all bursts."""
    steps = _dot(np.abs(np.diff(values, axis=1)), is_seen[:, :-1].astype(np.float64))
    return divide(steps, 2 * _dot(values, is_seen.astype(np.float64)))


def _echoes(series: _Binned, n_seen: FloatArray) -> list[FloatArray]:
    """Correlation of the series with itself some bins later; NaN unless twice as much was seen.

    The last two are the strongest echo and its lag: a clock's, however its power is spread over
    the multiples of its frequency. Two bins count as one, since a clock may fall between them.
    """
    off = series.off
    total = _dot(off, off)
    echoes = [
        np.where(n_seen >= 2 * lag, divide(_dot(off[:, :-lag], off[:, lag:]), total), np.nan)
        for lag in LAGS
    ]
    # Adding the bin before multiplies the power by this: no other transform is needed.
    angles = np.pi * np.arange(1, N_BINS // 2 + 1) / N_BINS
    smooth = np.pad(series.power * (4 * np.cos(angles) ** 2), ((0, 0), (1, 0)))
    circular = np.fft.irfft(smooth, axis=1)
    lags = np.arange(SLOWEST_ECHO)
    among = (lags >= FASTEST_ECHO) & (lags <= n_seen[:, None] / 3)
    inner = np.where(among, circular[:, :SLOWEST_ECHO], -np.inf)
    at = inner.argmax(axis=1)
    known = among.any(axis=1) & (total > _FLOOR)
    best = np.where(known, inner.max(axis=1), np.nan)
    return [*echoes, divide(best, circular[:, 0]), np.where(known, at * BIN_S, np.nan)]


_BANDS: Final = tuple(
    (
        f"{BIN_S * N_BINS / 2 ** (i + 1):g}s",
        f"{BIN_S * N_BINS / 2 ** (i + 1):g} to {BIN_S * N_BINS / 2**i:g} s",
    )
    for i in range(_N_BANDS)
)
_SHAPE: Final = (
    ("flatness", "1", "flatness (1: noise, 0: a clock) of the spectrum of"),
    ("entropy", "1", "entropy (1: noise, 0: a clock) of the spectrum of"),
    ("peak_share", "1", "share of the power at the strongest frequency of"),
    ("peak_frequency", "Hz", "strongest frequency of"),
)


def _spectral_names(series: str, phrase: str) -> list[tuple[str, str, str]]:
    bands = [
        (f"{series}_power_{name}", "1", f"share of the power at periods of {span} of {phrase}")
        for name, span in _BANDS
    ]
    return bands + [(f"{series}_{name}", unit, f"{what} {phrase}") for name, unit, what in _SHAPE]


def _names(way: str) -> list[tuple[str, str, str]]:
    counts, octets = f"packets {way} per second", f"octets {way} per second"
    coarse = f"{COARSE * BIN_S:g}"
    step = "change from one second to the next, of the most possible, of"
    return [
        *_spectral_names(f"{way}_count", counts),
        (f"{way}_count_steps", "1", f"{step} {counts}"),
        (f"{way}_empty", "1", f"share of seconds without packets {way}"),
        (f"{way}_count_steps_{coarse}s", "1", f"{step.replace('second', f'{coarse} s')} {counts}"),
        (f"{way}_empty_{coarse}s", "1", f"share of times of {coarse} s without packets {way}"),
        *(
            (f"{way}_count_echo_{lag}s", "1", f"correlation over {lag * BIN_S:g} s of {counts}")
            for lag in LAGS
        ),
        (f"{way}_count_echo", "1", f"strongest correlation over 4 to 130 s of {counts}"),
        (f"{way}_count_echo_period", "s", f"time after which it is strongest, of {counts}"),
        *_spectral_names(f"{way}_octet", octets),
        (f"{way}_octet_steps", "1", f"{step} {octets}"),
    ]


class SpectrumFeatures(NamedFeatures):
    """Power of packets and octets a second by octave, each direction, and their variation.

    Payload packets of the last 512 s of a stretch without a gap are counted second by second. A
    heartbeat puts its power at one frequency and its multiples; shares and blocks come by chance,
    which is a flat spectrum over many empty seconds; a person's traffic is bursts, which is power
    at long periods.

    Blind spots: fewer than six packets or 16 s; beats slower than four minutes; many miners behind
    one proxy; padding by a constant rate; a stretch that is short because there is much traffic.

    Notes
    -----
    Cost about 70 microseconds a conversation of six packets or more, whatever its length. Invariant
    to a shift of time, to a factor on all sizes, and to addresses and ports. NaN for inputs without
    packets: a flow log's 60 s are too coarse for these frequencies.

    References
    ----------
    .. [1] Y. Feng, D. Sisodia, J. Li, "POSTER: Content-Agnostic Identification of Cryptojacking in
       Network Traffic", ASIA CCS 2020 (FFT of windows of packet series and variation vectors).

    Examples
    --------
    >>> from minewatch.testing import conversations
    >>> bool(np.isnan(SpectrumFeatures().transform(conversations()).values).all())
    True
    """

    name = "spectrum"
    requires = ("flow_id",)
    features = (
        *_names("sent"),
        *_names("received"),
        ("both_at_once", "1", "correlation of packets sent with packets received per second"),
        ("received_after", "1", "correlation of packets sent with those received a second later"),
    )

    def columns(self, conversations: Conversations) -> list[FloatArray]:
        """Return ``spectrum_columns``.

        Parameters
        ----------
        conversations : n of them.
        """
        return spectrum_columns(conversations)
