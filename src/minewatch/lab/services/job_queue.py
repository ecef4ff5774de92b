# SPDX-License-Identifier: Apache-2.0
"""A queue of jobs by JSON-RPC on a port of Stratum's: jobs come, results go, nothing is mined."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from random import Random

from minewatch.lab.plan import Plan, Service
from minewatch.lab.services import json_lines
from minewatch.lab.services.actor import keep_trying
from minewatch.lab.services.json_lines import Lines
from minewatch.lab.services.kind import Act, Kind


class JobQueue(Kind):
    """Workers register, get a job now and then, and send each result when it is done."""

    def serve(self, service: Service, plan: Plan, rng: Random) -> Sequence[Act]:
        address, port = plan.host(service.host).address, service.port
        every_s = self.number(service, "job_every_s")
        return (_serve(address, port, every_s, rng),)

    def use(self, service: Service, plan: Plan, host: str, rng: Random) -> Sequence[Act]:
        address, port = plan.host(service.host).address, service.port
        every_s = self.number(service, "job_every_s")
        return (keep_trying(lambda: _work(address, port, host, every_s, rng), rng),)


async def _serve(address: str, port: int, every_s: float, rng: Random) -> None:
    async def attend(worker: Lines) -> None:
        handing_out = asyncio.create_task(_hand_out(worker, every_s, Random(rng.random())))
        try:
            async for request in worker.messages():
                worker.send({"jsonrpc": "2.0", "id": request.get("id"), "result": {"status": "OK"}})
        finally:
            handing_out.cancel()

    await json_lines.serve(address, port, attend)


async def _hand_out(worker: Lines, every_s: float, rng: Random) -> None:
    wait_s, number = 1.0, 0
    while True:
        await asyncio.sleep(wait_s)
        wait_s, number = every_s * rng.uniform(0.7, 1.3), number + 1
        params = {
            "job_id": rng.randbytes(8).hex(),
            "queue": "thumbnails",
            "source": f"s3://uploads/{rng.randbytes(16).hex()}.jpg",
            "sizes": [64, 256],
        }
        worker.send({"jsonrpc": "2.0", "method": "job.assign", "params": params, "seq": number})


async def _work(address: str, port: int, name: str, every_s: float, rng: Random) -> None:
    async with json_lines.connect(address, port) as queue:
        queue.call("worker.register", {"worker": name, "queues": ["thumbnails"]})
        async for message in queue.messages():
            if message.get("method") != "job.assign":
                continue
            await asyncio.sleep(every_s * rng.uniform(0.015, 0.2))
            job = message.get("params", {}).get("job_id")
            queue.call("job.result", {"job_id": job, "etag": rng.randbytes(32).hex()})


KINDS = (JobQueue("job-queue", (3333, 3334), is_long_lived=True, options={"job_every_s": 20.0}),)
