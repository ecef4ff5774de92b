# SPDX-License-Identifier: Apache-2.0
"""What the hosts do besides mining: ``python -m demo_capture.actors HOST SEED`` plays one host.

Each actor is a coroutine that runs until the process is ended. Waits are drawn from a seeded
generator of the actor's own, so that one actor's luck does not move another's.
"""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import struct
import sys
from collections.abc import Coroutine
from random import Random
from typing import Any

from demo_capture import scenario

_HEADERS = "User-Agent: Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0\r\nAccept: text/html,*/*"
_TYPE_A = 1
_DNS_HEADER = struct.Struct(">6H")


async def browse(
    source: str, server: str, rng: Random, *, read_mean_s: float, site: str = ""
) -> None:
    """Visit a site: a few pages over one kept-alive connection, a while apart, then a longer pause.

    With `site`, speak TLS and name the site in the hello.
    """
    while True:
        await asyncio.sleep(rng.uniform(1, read_mean_s))
        context = _browser_context() if site else None
        reader, writer = await asyncio.open_connection(
            server,
            443 if site else 80,
            ssl=context,
            server_hostname=site or None,
            local_addr=(source, 0),
        )
        for page in rng.choices(["", "news.html", "api.json", "style.css"], k=rng.randint(2, 5)):
            await _get(reader, writer, site or server, page)
            await asyncio.sleep(min(rng.expovariate(1 / read_mean_s), 50))  # nginx waits 65 s
        writer.close()
        await writer.wait_closed()


async def check_health(server: str, rng: Random, *, every_s: float) -> None:
    """Fetch one page in a connection of its own, again and again, as a load balancer does."""
    await asyncio.sleep(rng.uniform(1, every_s))
    while True:
        reader, writer = await asyncio.open_connection(server, 80, local_addr=(scenario.MONITOR, 0))
        await _get(reader, writer, server, "health")
        writer.close()
        await writer.wait_closed()
        await asyncio.sleep(every_s)


async def subscribe_redis(server: str, rng: Random) -> None:
    """Subscribe to a channel of Redis and send a PING when 30 s have passed."""
    await asyncio.sleep(rng.uniform(0.5, 3))
    reader, writer = await asyncio.open_connection(server, 6379)
    writer.write(_resp("CLIENT", "SETNAME", "cache-invalidation"))
    writer.write(_resp("SUBSCRIBE", "invalidate"))
    listening = asyncio.create_task(_discard(reader))
    while not listening.done():
        await asyncio.sleep(30)
        writer.write(_resp("PING"))


async def publish_redis(server: str, rng: Random, *, mean_s: float) -> None:
    """Publish the name of a stale cache entry now and then, and count something."""
    await asyncio.sleep(rng.uniform(3, 6))
    reader, writer = await asyncio.open_connection(server, 6379)
    listening = asyncio.create_task(_discard(reader))
    while not listening.done():
        await asyncio.sleep(rng.expovariate(1 / mean_s))
        key = f"product:{rng.randrange(10_000)}"
        writer.write(_resp("INCR", f"views:{key}") + _resp("PUBLISH", "invalidate", key))


async def send_telemetry(source: str, server: str, rng: Random) -> None:
    """Feed a real mosquitto_pub, which keeps one connection and sends each line as it comes."""
    await asyncio.sleep(rng.uniform(1, 4))
    command = ["mosquitto_pub", "-h", server, "-A", source, "-i", f"sensor-{source}"]
    command += ["-k", "15", "-q", "1", "-t", "plant/line1/sensor", "-l"]
    process = await asyncio.create_subprocess_exec(*command, stdin=asyncio.subprocess.PIPE)
    assert process.stdin is not None
    temperature = 21.0
    while process.returncode is None:
        temperature += rng.gauss(0, 0.2)
        reading = {"t": round(temperature, 2), "rh": rng.randint(38, 47), "ok": True}
        process.stdin.write(json.dumps(reading).encode() + b"\n")
        await asyncio.sleep(rng.uniform(10, 20))


async def watch_telemetry(source: str, server: str, rng: Random) -> None:
    """Run a real mosquitto_sub."""
    await asyncio.sleep(rng.uniform(1, 4))
    command = ["mosquitto_sub", "-h", server, "-A", source, "-k", "60", "-t", "plant/#"]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.DEVNULL)
    await process.wait()


async def serve_names(address: str) -> None:
    """Answer DNS questions for the names of the scenario; others do not exist."""
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.setblocking(False)
        server.bind((address, 53))
        while True:
            query, asker = await loop.sock_recvfrom(server, 512)
            await loop.sock_sendto(server, answer_name(query), asker)


def answer_name(query: bytes) -> bytes:
    """Return the answer to one DNS query: A records only, any other type is empty."""
    identity = query[:2]
    end = query.index(b"\0", 12) + 5
    question = query[12:end]
    labels, position = [], 0
    while length := question[position]:
        labels.append(question[position + 1 : position + 1 + length].decode())
        position += 1 + length
    address = scenario.NAMES.get(".".join(labels).lower())
    is_answered = address is not None and question[-4:-2] == _TYPE_A.to_bytes(2, "big")
    flags = 0x8580 if address is not None else 0x8583  # authoritative; NXDOMAIN
    header = identity + _DNS_HEADER.pack(0, flags, 1, int(is_answered), 0, 0)[2:]
    if not is_answered or address is None:
        return header + question
    octets = bytes(int(part) for part in address.split("."))
    return header + question + struct.pack(">HHHIH", 0xC00C, _TYPE_A, 1, 300, 4) + octets


async def serve_jobs(address: str, seed: int) -> None:
    """Serve the job queue: a job every 20 s or so, an OK for each result, on Stratum's port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        handing_out = asyncio.create_task(_hand_out_jobs(writer, Random(seed)))
        while line := await reader.readline():
            reply = {"jsonrpc": "2.0", "id": json.loads(line)["id"], "result": {"status": "OK"}}
            writer.write(json.dumps(reply).encode() + b"\n")
        handing_out.cancel()
        writer.close()

    server = await asyncio.start_server(serve, address, 3333)
    await server.serve_forever()


async def _hand_out_jobs(writer: asyncio.StreamWriter, rng: Random) -> None:
    for number in range(1, 100_000):
        await asyncio.sleep(rng.uniform(14, 26))
        params = {
            "job_id": rng.randbytes(8).hex(),
            "queue": "thumbnails",
            "source": f"s3://uploads/{rng.randbytes(16).hex()}.jpg",
            "sizes": [64, 256],
        }
        job = {"jsonrpc": "2.0", "method": "job.assign", "params": params, "seq": number}
        writer.write(json.dumps(job).encode() + b"\n")


async def work_on_jobs(rng: Random) -> None:
    """Take jobs from the queue and send each result when it is done."""
    await asyncio.sleep(rng.uniform(1, 3))
    reader, writer = await asyncio.open_connection(scenario.QUEUE_NAME, 3333)
    request_id = 1
    hello = {"worker": "web-3", "queues": ["thumbnails"]}
    _call(writer, request_id, "worker.register", hello)
    while line := await reader.readline():
        message = json.loads(line)
        if message.get("method") != "job.assign":
            continue
        await asyncio.sleep(rng.uniform(0.3, 4))
        request_id += 1
        result = {"job_id": message["params"]["job_id"], "etag": rng.randbytes(32).hex()}
        _call(writer, request_id, "job.result", result)


def _call(writer: asyncio.StreamWriter, number: int, method: str, params: dict[str, Any]) -> None:
    message = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
    writer.write(json.dumps(message).encode() + b"\n")


async def _get(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str, page: str
) -> None:
    writer.write(f"GET /{page} HTTP/1.1\r\nHost: {host}\r\n{_HEADERS}\r\n\r\n".encode())
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-le"))
    await reader.readexactly(int(length.split(b":")[1]))


async def _discard(reader: asyncio.StreamReader) -> None:
    while await reader.read(4096):
        pass


def _resp(*words: str) -> bytes:
    """Encode a Redis command."""
    parts = [f"${len(word)}\r\n{word}\r\n" for word in words]
    return f"*{len(words)}\r\n{''.join(parts)}".encode()


def _browser_context() -> ssl.SSLContext:
    """Return a context that trusts the lab's certificates, as a browser trusts public ones."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["http/1.1"])
    return context


def cast(host: str, seed: int) -> list[Coroutine[Any, Any, None]]:
    """Return what a host does."""

    def rng(actor: str) -> Random:
        return Random(f"{seed} {host} {actor}")

    servers = scenario.SERVERS
    if host == "web-1":
        return [subscribe_redis(servers["web-3"], rng("subscriber"))]
    if host == "web-2":
        return [
            publish_redis(servers["web-1"], rng("publisher 1"), mean_s=45),
            publish_redis(servers["web-3"], rng("publisher 3"), mean_s=70),
        ]
    if host == "web-3":
        return [
            subscribe_redis(servers["web-1"], rng("subscriber")),
            work_on_jobs(rng("worker")),
        ]
    acts: list[Coroutine[Any, Any, None]] = [
        serve_names(scenario.NAME_SERVER),
        serve_jobs(scenario.JOB_QUEUE, seed),
        watch_telemetry(scenario.DASHBOARD, servers["web-2"], rng("dashboard")),
    ]
    for name, source in scenario.BROWSERS.items():
        acts.append(browse(source, servers[name], rng(f"browse {name}"), read_mean_s=75))
        acts.append(check_health(servers[name], rng(f"health {name}"), every_s=300))
    for name, source in scenario.SENSORS.items():
        acts.append(send_telemetry(source, servers[name], rng(f"sensor {name}")))
    shop = rng("browse shop")
    acts.append(
        browse(
            scenario.TLS_BROWSER,
            servers["web-3"],
            shop,
            read_mean_s=60,
            site=scenario.TLS_SITE,
        )
    )
    return acts


async def _play(host: str, seed: int) -> None:
    # An actor that fails ends the host, and the script sees that: half a scenario is no capture.
    async with asyncio.TaskGroup() as group:
        for act in cast(host, seed):
            group.create_task(act)


if __name__ == "__main__":
    asyncio.run(_play(sys.argv[1], int(sys.argv[2])))
