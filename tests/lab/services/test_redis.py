# SPDX-License-Identifier: Apache-2.0
import asyncio

import pytest

from minewatch.lab.services.redis import ask


def asked(stage, *words):
    async def once():
        reader, writer = await asyncio.open_connection(*stage.place)
        try:
            return (await ask(reader, writer, *words)).decode()
        finally:
            writer.close()

    return asyncio.run(once())


def calls(stage, command):
    lines = asked(stage, "INFO", "commandstats").split("\r\n")
    counts = [line for line in lines if line.startswith(f"cmdstat_{command}:")]
    return int(counts[0].split("calls=")[1].split(",")[0]) if counts else 0


def test_subscribers_hear_and_ping(stage):
    made = stage("redis-pubsub", ping_s=0.2, publish_mean_s=0.1)
    made.play(
        lambda s: calls(s, "subscribe") == 2 and calls(s, "ping") > 4 and calls(s, "publish") > 3
    )


def test_the_cache_is_filled_and_hit(stage):
    made = stage("redis-cache", pause_mean_s=0.05)

    def is_hit(stage):
        hits = asked(stage, "INFO", "stats").partition("keyspace_hits:")[2]
        return int(hits.split("\r\n")[0]) > 5 and calls(stage, "setex") > 5

    made.play(is_hit)


def test_an_error_is_a_broken_connection(stage):
    made = stage("redis-cache")

    def is_refused(stage):
        with pytest.raises(ConnectionError, match="redis: HELLO"):
            asked(stage, "HELLO", "nine")
        return True

    made.play(is_refused)
