# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from minewatch.features.spectrum import ROWS_AT_ONCE, SpectrumFeatures
from minewatch.testing import check_feature_set
from talks import Said, heard

FEATURES = SpectrumFeatures()


def clock(period_s: float, length_s: float = 540.0) -> list[Said]:
    """Return a request at each beat, answered within the second."""
    beats = np.arange(0, length_s, period_s)
    return [said for at in beats for said in ((at, True, 60), (at + 0.3, False, 200))]


def chance(seed: int, mean_s: float = 5.0, length_s: float = 540.0) -> list[Said]:
    """Return requests at moments of chance."""
    times = np.cumsum(np.random.default_rng(seed).exponential(mean_s, 300))
    return [(at, True, 60) for at in times[times < length_s]]


def values_of(*talks, **columns):
    matrix = FEATURES.transform(heard(*talks, **columns))
    return {name: matrix.column(name) for name in matrix.names}


def test_the_feature_set_conforms():
    check_feature_set(FEATURES)


@pytest.mark.parametrize("period_s", [4, 8, 16, 32, 64])
def test_a_clock_echoes_after_its_period(period_s):
    found = values_of(clock(period_s))
    # Multiples of the period echo as well; the window is a multiple of these periods.
    assert found["sent_count_echo_period"][0] % period_s == 0
    assert found["sent_count_echo"][0] > 0.9
    assert (512 * found["sent_count_peak_frequency"][0]) % (512 / period_s) == 0


def test_chance_is_flatter_than_a_clock():
    found = values_of(clock(5.0), *(chance(seed) for seed in range(20)))
    flat, entropy = found["sent_count_flatness"], found["sent_count_entropy"]
    assert (flat[1:] > 0.3).all()
    assert flat[0] < 0.1
    assert (entropy[1:] > entropy[0]).all()
    assert (found["sent_count_echo"][1:] < 0.75).all()


def test_shares_of_the_power_add_up():
    found = values_of(chance(1))
    for series in ("sent_count", "sent_octet"):
        bands = [value[0] for name, value in found.items() if name.startswith(f"{series}_power")]
        assert len(bands) == 8
        assert sum(bands) == pytest.approx(1.0, abs=1e-5)


def test_slow_power_is_in_the_bands_of_long_periods():
    minutes = [(at, True, 60) for at in np.arange(0, 512, 1.0) if at % 100 < 50]
    found = values_of(minutes)
    assert found["sent_count_power_64s"][0] > 0.7
    assert found["sent_count_power_2s"][0] < 0.02


def test_a_period_longer_than_what_was_seen_is_not_known():
    found = values_of(clock(4.0, length_s=60.0))
    assert np.isnan([found[f"sent_count_power_{period}s"][0] for period in (256, 128, 64)]).all()
    assert np.isfinite([found[f"sent_count_power_{period}s"][0] for period in (32, 2)]).all()
    assert np.isnan(found["sent_count_echo_60s"][0])


def test_empty_seconds_and_steps():
    found = values_of(clock(10.0), [(float(at), True, 60) for at in range(540)])
    np.testing.assert_allclose(found["sent_empty"], [0.9, 0.0], atol=0.02)
    assert found["sent_count_steps"][0] > 0.95
    assert found["sent_count_steps"][1] == 0
    assert found["sent_empty_16s"].tolist() == [0, 0]


def test_a_steady_series_has_no_spectrum():
    found = values_of([(float(at), True, 60) for at in range(540)])
    assert np.isnan(found["sent_count_flatness"][0])
    assert np.isnan(found["sent_count_peak_frequency"][0])


def test_answers_are_at_once_or_a_second_later():
    soon = values_of(clock(10.0))
    late = values_of([(at + (0 if sent else 0.8), sent, n) for at, sent, n in clock(10.0)])
    assert soon["both_at_once"][0] > 0.99
    assert late["received_after"][0] > 0.9
    assert late["both_at_once"][0] < 0.1


def test_a_factor_on_sizes_changes_nothing():
    once, thrice = (
        values_of([(at, sent, factor * n) for at, sent, n in chance(2) + clock(7.0)])
        for factor in (1, 3)
    )
    for name, value in once.items():
        np.testing.assert_allclose(value, thrice[name], rtol=1e-5, err_msg=name)


@pytest.mark.parametrize("talk", [[], clock(60.0, 150.0)[:5], clock(1.0, 8.0)], ids=len)
def test_too_little_is_not_known(talk):
    assert np.isnan(FEATURES.transform(heard(talk)).values).all()


def test_one_direction_alone_leaves_the_other_unknown():
    matrix = FEATURES.transform(heard(chance(3)))
    received = [name.startswith("received") or name == "both_at_once" for name in matrix.names]
    assert np.isnan(matrix.values[0, received]).all()
    assert np.isfinite(matrix.values[0, ~np.array(received)]).all()


def test_more_rows_than_are_taken_at_once():
    n = ROWS_AT_ONCE + 3
    talks = [chance(1), clock(9.0), clock(1.0, 3.0)] * (n // 3 + 1)
    found = FEATURES.transform(heard(*talks[:n])).values
    expected = FEATURES.transform(heard(*talks[:3])).values
    np.testing.assert_allclose(found, np.tile(expected, (n // 3 + 1, 1))[:n], rtol=1e-6)


def test_a_gap_that_nobody_saw_is_not_in_the_spectrum():
    early, late = clock(10.0, 200.0), [(at + 5000, sent, n) for at, sent, n in clock(10.0, 400.0)]
    given = {"first": len(early), "payload_packet_count": 400, "reverse_payload_packet_count": 400}
    gapped, alone = values_of(early + late, seconds=6000, **given), values_of(late, seconds=6000)
    for name, value in gapped.items():
        np.testing.assert_allclose(value, alone[name], rtol=1e-5, err_msg=name)
