# SPDX-License-Identifier: Apache-2.0
import asyncio

import grpc.aio

from minewatch.lab.services import grpc_stream


def test_updates_stream_to_a_client_of_grpcs_own(stage):
    made = stage("grpc-stream", update_mean_s=0.05)
    updates = []

    async def watch(place):
        async with grpc.aio.insecure_channel(f"{place[0]}:{place[1]}") as channel:
            async for update in channel.unary_stream(grpc_stream._METHOD)(b"\x0a\x01x"):
                updates.append(update)
                if len(updates) == 5:
                    return

    def is_streaming(stage):
        # Clients of one process share a connection.
        if stage.connections() < 1:
            return False
        asyncio.run(watch(stage.place))
        return len(updates) == 5

    made.play(is_streaming)
    assert all(update[0] == 0x0A and update[2:7] == b"item-" for update in updates)


def test_a_length_takes_two_octets_from_128_on():
    assert grpc_stream._varint(127) == b"\x7f"
    assert grpc_stream._varint(300) == b"\xac\x02"
