# SPDX-License-Identifier: Apache-2.0
import asyncio
import json


def test_workers_hand_in_results(stage):
    """Between a worker and the queue: both are ours, so a stranger plays each in turn."""
    made = stage("job-queue", job_every_s=0.2)
    said = []

    async def work(place):
        reader, writer = await asyncio.open_connection(*place)
        register = {"jsonrpc": "2.0", "id": 1, "method": "worker.register", "params": {}}
        writer.write(json.dumps(register).encode() + b"\n")
        while len(said) < 3:
            said.append(json.loads(await reader.readline()))
        writer.close()
        await writer.wait_closed()

    def is_served(stage):
        if stage.connections() < 2:
            return False
        asyncio.run(work(stage.place))
        return True

    made.play(is_served)
    assert said[0]["result"] == {"status": "OK"}
    jobs = [message["params"]["job_id"] for message in said[1:]]
    assert len(set(jobs)) == 2


def test_a_worker_answers_a_job(stage):
    made = stage("job-queue", job_every_s=0.2)
    service, plan = made.service, made.plan

    async def play():
        lines = []
        done = asyncio.Event()

        async def attend(reader, writer):
            lines.append(json.loads(await reader.readline()))
            job = {"method": "job.assign", "params": {"job_id": "7"}}
            writer.write(json.dumps(job).encode() + b"\n")
            lines.append(json.loads(await reader.readline()))
            writer.close()
            done.set()

        server = await asyncio.start_server(attend, *made.place)
        from random import Random

        from minewatch.lab.services import SERVICES

        acts = SERVICES["job-queue"].actors(service, plan, "client-1", Random(1))
        worker = asyncio.create_task(acts[0])
        await asyncio.wait_for(done.wait(), 20)
        worker.cancel()
        await asyncio.gather(worker, return_exceptions=True)
        server.close()
        await server.wait_closed()
        return lines

    register, result = asyncio.run(play())
    assert register["params"] == {"worker": "client-1", "queues": ["thumbnails"]}
    assert (result["method"], result["params"]["job_id"]) == ("job.result", "7")
