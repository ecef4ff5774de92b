# SPDX-License-Identifier: Apache-2.0
import json
import subprocess
from random import Random

from minewatch.lab.services.mqtt import readings


def test_sensors_are_heard(stage):
    made = stage("mqtt", reading_mean_s=0.1)
    heard = {}

    def is_heard(stage):
        address, port = stage.place
        argv = ["mosquitto_sub", "-h", address, "-p", str(port), "-t", "plant/#", "-v"]
        done = subprocess.run([*argv, "-C", "6"], capture_output=True, text=True, check=True)
        heard.update(line.split(" ", 1) for line in done.stdout.splitlines())
        return len(heard) == 2

    made.play(is_heard)
    assert set(heard) == {"plant/client-1/sensor", "plant/client-2/sensor"}
    assert "mqtt-1-client-1-board 0 plant/#" in made.said


def test_readings_are_json_at_their_pace():
    lines = readings(12.0, Random(1))
    waits, texts = zip(*(next(lines) for _ in range(200)), strict=True)
    assert waits[0] < 1
    assert min(waits[1:]) >= 8
    assert max(waits) <= 16
    assert all(15 < json.loads(text)["t"] < 27 for text in texts)
