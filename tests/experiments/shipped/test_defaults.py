# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace

from minewatch.cli import options as o
from minewatch.experiments.shipped.defaults import default_options
from minewatch.metering.state import MeteringOptions
from minewatch.pipeline import PipelineOptions


def names(plugins):
    return [(type(one), one.name) for one in plugins]


def test_they_are_those_of_a_scan_that_is_told_nothing():
    metering = o.metering_options(60.0, 120.0, True, keep_packets=True)
    of_scan = o.scan_options(PipelineOptions(metering), of_logs=True)
    ours = default_options()
    assert ours.pipeline == of_scan.pipeline
    assert names(ours.detectors) == names(of_scan.detectors)
    assert names(ours.decoders) == names(of_scan.decoders)
    plain = {"detectors": (), "decoders": ()}
    assert replace(ours, **plain) == replace(of_scan, **plain)
    assert 0 < ours.log_threshold < ours.threshold == 0.5


def test_the_pipeline_may_be_given():
    pipeline = PipelineOptions(MeteringOptions(max_biflows=2048))
    assert default_options(pipeline).pipeline is pipeline
