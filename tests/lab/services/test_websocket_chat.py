# SPDX-License-Identifier: Apache-2.0
import asyncio
import json

from websockets.asyncio.client import connect


def test_what_one_says_all_hear(stage):
    made = stage("websocket-chat", say_mean_s=0.05)
    heard = []

    async def listen(place):
        async with connect(f"ws://{place[0]}:{place[1]}/chat", proxy=None) as connection:
            async for text in connection:
                heard.append(json.loads(text))
                if {said["from"] for said in heard} == {"client-1", "client-2"}:
                    return

    def is_heard(stage):
        if stage.connections() < 2:
            return False
        asyncio.run(asyncio.wait_for(listen(stage.place), 20))
        return True

    made.play(is_heard)
    assert all(said["text"] for said in heard)
