# SPDX-License-Identifier: Apache-2.0
import asyncio
import json
import subprocess
import threading

import nats
import pytest

from alert_servers import free_port, listens, program, running
from alert_sinks import wait_for
from made_up_alerts import ALL, HOSTILE, PLAIN, numbered
from minewatch.alerts.courier import Patience
from minewatch.alerts.delivery import Delivery
from minewatch.alerts.forms.record import record
from minewatch.alerts.sinks.opening import open_sink
from minewatch.alerts.sinks.refusal import RefusedError
from minewatch.errors import SinkError


@pytest.fixture
def server(tmp_path):
    port = free_port()
    config = tmp_path / "nats.conf"
    config.write_text(
        f'listen: "127.0.0.1:{port}"\nmax_payload: 16384\n'
        f'jetstream {{ store_dir: "{tmp_path / "store"}" }}\n'
    )
    argv = [program("nats-server"), "-c", config]
    with running(argv, lambda: listens(port), tmp_path / "log") as one:
        one.url = f"nats://127.0.0.1:{port}"
        yield one


def asked(server, work):
    """Run `work(connection)` as another client."""

    async def connected():
        connection = await nats.connect(server.url)
        try:
            return await work(connection)
        finally:
            await connection.close()

    return asyncio.run(connected())


def make_stream(server):
    async def work(connection):
        await connection.jetstream().add_stream(name="mining", subjects=["mining.>"])

    asked(server, work)


def stored(server):
    """Every message of the stream, with its headers."""

    async def work(connection):
        stream = connection.jetstream()
        state = (await stream.stream_info("mining")).state
        return [
            await stream.get_msg("mining", sequence)
            for sequence in range(state.first_seq, state.last_seq + 1)
            if state.messages
        ]

    return asked(server, work)


def test_whoever_listens_hears_every_alert(server):
    heard = []
    listening = threading.Event()

    async def work(connection):
        found = await connection.subscribe("mining.alerts")
        await connection.flush()
        listening.set()
        for _ in ALL:
            heard.append(await found.next_msg(timeout=20))

    listener = threading.Thread(target=asked, args=(server, work))
    listener.start()
    assert listening.wait(20)
    sink = open_sink(f"{server.url}/mining.alerts")
    sink.send(ALL)
    listener.join(20)
    assert [json.loads(message.data) for message in heard] == [record(alert) for alert in ALL]
    assert heard[0].headers["Nats-Msg-Id"] == f"{PLAIN.id}-1"


def test_a_stream_stores_every_alert_once(server):
    make_stream(server)
    sink = open_sink(f"{server.url}/mining.alerts?jetstream=yes&form=ocsf")
    sink.send(ALL)
    sink.send(ALL)
    found = [json.loads(message.data) for message in stored(server)]
    assert [f["metadata"]["uid"] for f in found] == [f"{a.id}-{a.revision}" for a in ALL]


def test_a_subject_without_a_stream_is_told(server):
    sink = open_sink(f"{server.url}/nowhere?jetstream=yes")
    with pytest.raises(SinkError, match="no response from stream"):
        sink.send([PLAIN])


def test_an_alert_too_large_for_the_server_is_refused(server):
    sink = open_sink(f"{server.url}/mining.alerts")
    sink._form = lambda alert: "x" * 20_000
    with pytest.raises(RefusedError, match="too large"):
        sink.send([HOSTILE])


def test_a_server_that_is_down():
    sink = open_sink(f"nats://127.0.0.1:{free_port()}/a")
    with pytest.raises(SinkError, match=r"nats://127.*/a: .*Connect call failed"):
        sink.send([PLAIN])


def test_what_was_put_while_the_server_was_down_is_stored_in_order(server, tmp_path):
    make_stream(server)
    sink = open_sink(f"{server.url}/mining.alerts?jetstream=yes")
    alerts = [numbered(n % 3, 1 + n // 3) for n in range(30)]
    with Delivery([sink], tmp_path / "spool", patience=Patience(0.01, 0.1)) as delivery:
        delivery.put(alerts[:10])
        wait_for(lambda: delivery.counters()[sink.name].waiting == 0)
        server.stop(kill=True)
        delivery.put(alerts[10:])
        wait_for(lambda: delivery.counters()[sink.name].retried > 2)
        server.start()
        wait_for(lambda: delivery.counters()[sink.name].waiting == 0, 60)
    found = [json.loads(message.data) for message in stored(server)]
    assert [(f["id"], f["revision"]) for f in found] == [(a.id, a.revision) for a in alerts]


def test_without_tls_nothing_is_said_where_tls_was_asked_for(server):
    """Whoever sits between may strike TLS out of what the server offers in clear."""
    heard = []

    async def listen(connection):
        async def hear(message):
            heard.append(message.data)

        await connection.subscribe("mining.>", cb=hear)
        sink = open_sink(server.url.replace("nats:", "nats+tls:") + "/mining.alerts")
        with pytest.raises(SinkError, match="speaks no TLS, and nothing was sent"):
            await asyncio.to_thread(sink.send, [PLAIN])
        await connection.flush()

    asked(server, listen)
    assert heard == []


def test_tls_checks_the_certificate(tmp_path):
    program("openssl")
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    make = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost"
    names = ["-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", certificate]
    subprocess.run([*make.split(), *names], check=True, capture_output=True)
    port = free_port()
    config = tmp_path / "nats.conf"
    config.write_text(
        f'listen: "127.0.0.1:{port}"\ntls {{ cert_file: "{certificate}", key_file: "{key}" }}\n'
    )
    argv = [program("nats-server"), "-c", config]
    with running(argv, lambda: listens(port), tmp_path / "log"):
        address = f"nats+tls://localhost:{port}/mining"
        with pytest.raises(SinkError, match="certificate"):
            open_sink(address).send([PLAIN])
        sink = open_sink(f"{address}?ca_file={certificate}")
        sink.send([PLAIN])
        sink.send([numbered(1)])
        with pytest.raises(SinkError, match="certificate"):
            open_sink(f"nats+tls://127.0.0.1:{port}/mining?ca_file={certificate}").send([PLAIN])
