# SPDX-License-Identifier: Apache-2.0
import asyncio
import json


def test_wallets_hear_of_blocks(stage):
    made = stage("electrum", block_mean_s=0.1, ping_s=0.1)
    heard = []

    async def ask(place):
        reader, writer = await asyncio.open_connection(*place)
        for number, (method, params) in enumerate(
            [("server.ping", []), ("blockchain.headers.subscribe", []), ("no.such", [])]
        ):
            call = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
            writer.write(json.dumps(call).encode() + b"\n")
        while len(heard) < 6:
            heard.append(json.loads(await reader.readline()))
        writer.close()
        await writer.wait_closed()

    def is_told(stage):
        if stage.connections() < 2:
            return False
        asyncio.run(ask(stage.place))
        return True

    made.play(is_told)
    answers = {message["id"]: message["result"] for message in heard if "id" in message}
    assert answers[0] is None
    assert len(answers[1]["hex"]) == 160
    blocks = [m["params"][0]["height"] for m in heard if m.get("method")]
    assert blocks == list(range(blocks[0], blocks[0] + len(blocks)))
    assert blocks[0] == answers[1]["height"] + 1
