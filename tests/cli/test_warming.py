# SPDX-License-Identifier: Apache-2.0
"""Before a watch begins all is compiled that judging a miner needs."""

import subprocess
import sys

PROGRAM = """
import sys
from minewatch.cli import options
from minewatch.cli.progress import ProgressBar
from minewatch.cli.warming import warm_up
from minewatch.metering.standing import find_due
from minewatch.metering.ticks import until_strike
metering = options.metering_options(60.0, 120.0, True, keep_packets=True)
scan = options.scan_options(options.pipeline_options(metering, None, ProgressBar([], True)))
kernels = (until_strike, find_due)
assert not any(kernel.signatures for kernel in kernels)
print(len(warm_up(scan)), *(len(kernel.signatures) for kernel in kernels))
"""


def test_miners_are_judged_and_told_so_that_all_kernels_are_compiled():
    command = [sys.executable, "-c", PROGRAM]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    assert done.stdout.split() == ["2", "1", "1"]
