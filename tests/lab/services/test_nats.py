# SPDX-License-Identifier: Apache-2.0
import asyncio

import nats


def test_orders_reach_all(stage):
    made = stage("nats", publish_mean_s=0.1)
    subjects = set()

    async def listen(place):
        connection = await nats.connect(f"nats://{place[0]}:{place[1]}")
        try:
            heard = await connection.subscribe("orders.>")
            for _ in range(4):
                subjects.add((await heard.next_msg(timeout=10)).subject)
        finally:
            await connection.close()

    def is_heard(stage):
        asyncio.run(listen(stage.place))
        return len(subjects) == 2

    made.play(is_heard)
    assert subjects == {"orders.client-1", "orders.client-2"}
