# SPDX-License-Identifier: Apache-2.0
import asyncio

import pytest

from minewatch.lab.services.beanstalkd import ask


def stats(stage):
    async def once():
        reader, writer = await asyncio.open_connection(*stage.place)
        try:
            words = await ask(reader, writer, b"stats", b"OK")
            return (await reader.readexactly(int(words[1]))).decode()
        finally:
            writer.close()

    text = asyncio.run(once())
    pairs = (line.split(": ") for line in text.splitlines() if ": " in line)
    return dict(pairs)


def test_jobs_are_put_and_done(stage):
    made = stage("beanstalkd", job_mean_s=0.05)
    made.play(
        lambda s: (
            int(stats(s)["cmd-put"]) > 4
            and int(stats(s)["cmd-delete"]) > 2
            and stats(s)["current-workers"] == "2"
        )
    )


def test_another_answer_is_a_broken_connection(stage):
    made = stage("beanstalkd")

    def is_refused(stage):
        async def once():
            reader, writer = await asyncio.open_connection(*stage.place)
            try:
                await ask(reader, writer, b"delete 99", b"DELETED")
            finally:
                writer.close()

        with pytest.raises(ConnectionError, match="NOT_FOUND"):
            asyncio.run(once())
        return True

    made.play(is_refused)
