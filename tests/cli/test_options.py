# SPDX-License-Identifier: Apache-2.0
import ipaddress

import pytest

from minewatch.cli import options as o
from minewatch.cli.progress import ProgressBar
from minewatch.errors import ConfigError
from minewatch.pipeline import PipelineOptions, private_networks


def metering(interval=60.0, idle=120.0):
    return o.metering_options(interval, idle, decapsulate=False, keep_packets=False)


def test_metering_options_take_over_every_value():
    options = metering(30.0, 45.0)
    assert (options.interval_s, options.idle_timeout_s) == (30.0, 45.0)
    assert not options.decapsulate
    assert not options.keep_packets


@pytest.mark.parametrize(
    ("values", "name"), [((0.0, 60.0), "--interval"), ((60.0, -1.0), "--idle-timeout")]
)
def test_errors_name_the_option_and_not_the_field(values, name):
    with pytest.raises(ConfigError, match=f"^{name} must be above 0 s"):
        metering(*values)


def test_home_is_private_unless_given():
    progress = ProgressBar([], quiet=True)
    assert o.pipeline_options(metering(), None, progress).home == private_networks()
    given = o.pipeline_options(metering(), ["198.51.100.0/24"], progress)
    assert given.home == (ipaddress.ip_network("198.51.100.0/24"),)


@pytest.mark.parametrize("threshold", [0.0, -0.1, 1.1, float("nan")])
def test_a_threshold_outside_its_domain_is_refused(threshold):
    pipeline = o.pipeline_options(metering(), None, ProgressBar([], quiet=True))
    with pytest.raises(ConfigError, match="--threshold"):
        o.scan_options(pipeline, threshold)


def test_the_list_that_ships_is_used_unless_told_otherwise():
    def names(**more):
        options = o.scan_options(PipelineOptions(), **more)
        (intel,) = (one for one in options.detectors if one.name == "intel")
        return intel.uses

    assert names() == ("tls_sni", "destination_name")
    assert names(no_intel=True) == ()
