# SPDX-License-Identifier: Apache-2.0
import time


def test_clients_measure_and_no_clock_is_set(stage):
    made = stage("ntp")
    apart = time.time() - time.monotonic()

    def are_measured(stage):
        logs = [stage.text(f"client-{number}/measurements.log") for number in (1, 2)]
        return all(log.count(" 127.0.0.2 ") >= 3 for log in logs)

    made.play(are_measured)
    assert abs(time.time() - time.monotonic() - apart) < 0.5
    assert "Disabled control of system clock" in made.said
