# SPDX-License-Identifier: Apache-2.0
import json
import re
import socket
import ssl
import subprocess
import threading
import time

import pytest

from alert_servers import free_port, listens, program, running
from alert_sinks import Memory, wait_for
from made_up_alerts import ALL, HOSTILE, NASTY, PLAIN, numbered
from minewatch.alerts.courier import Patience
from minewatch.alerts.delivery import Delivery
from minewatch.alerts.forms.cef import message
from minewatch.alerts.forms.clean import printable
from minewatch.alerts.forms.wording import sentences
from minewatch.alerts.sinks.opening import open_sink
from minewatch.alerts.sinks.refusal import RefusedError
from minewatch.alerts.sinks.syslog import MAX_DATAGRAM
from minewatch.errors import SinkError

# rsyslog takes the messages apart by its own parser and writes the parts as JSON.
CONFIG = """
global(workDirectory="{folder}" maxMessageSize="64k" parser.escapeControlCharactersOnReceive="off")
module(load="imudp") module(load="imtcp") module(load="imuxsock" SysSock.Use="off")
input(type="imudp" address="127.0.0.1" port="{port}")
input(type="imtcp" address="127.0.0.1" port="{port}")
input(type="imuxsock" socket="{folder}/log" useSpecialParser="off" ignoreTimestamp="off")
template(name="parts" type="list" option.jsonf="on") {{
    property(outname="pri" name="pri" format="jsonf")
    property(outname="time" name="timereported" dateFormat="rfc3339" format="jsonf")
    property(outname="host" name="hostname" format="jsonf")
    property(outname="app" name="app-name" format="jsonf")
    property(outname="id" name="msgid" format="jsonf")
    property(outname="data" name="structured-data" format="jsonf")
    property(outname="text" name="msg" format="jsonf")
}}
action(type="omfile" file="{folder}/out" template="parts")
"""


@pytest.fixture
def rsyslog(tmp_path):
    port = free_port()
    config = tmp_path / "rsyslog.conf"
    config.write_text(CONFIG.format(folder=tmp_path, port=port))
    argv = [program("rsyslogd"), "-n", "-f", config, "-i", tmp_path / "pid"]
    with running(argv, lambda: listens(port), tmp_path / "said") as server:
        server.port, server.folder = port, tmp_path
        yield server


def received(server, count):
    """What rsyslog wrote, when it has written so much."""
    out = server.folder / "out"
    lines = []

    def is_there():
        lines[:] = out.read_text().splitlines() if out.exists() else []
        return len(lines) >= count

    wait_for(is_there)
    return [json.loads(line) for line in lines]


def values(told):
    pairs = re.findall(r'(\w+)="((?:[^"\\\]]|\\.)*)"', told["data"])
    return {key: re.sub(r"\\(.)", r"\1", value) for key, value in pairs}


@pytest.mark.parametrize("kind", ["syslog", "syslog+tcp", "socket"])
def test_rsyslog_reads_what_we_sent(rsyslog, kind):
    place = f"/{rsyslog.folder}/log" if kind == "socket" else f"127.0.0.1:{rsyslog.port}"
    scheme = "syslog" if kind == "socket" else kind
    sink = open_sink(f"{scheme}://{place}?facility=local4&hostname=sensor")
    sink.send(ALL)
    told = sorted(received(rsyslog, 3), key=lambda t: int(values(t)["revision"]))
    for alert, parts in zip(ALL, told, strict=True):
        assert parts["host"] == "sensor"
        assert parts["app"] == "minewatch"
        assert parts["id"] == str(alert.change).upper()
        assert parts["time"] == "2023-11-14T22:14:51.123456Z"
        assert values(parts)["id"] == alert.id
        assert parts["text"].removeprefix("\ufeff") == sentences(alert)
    assert [int(parts["pri"]) for parts in told] == [20 * 8 + 2, 20 * 8 + 4, 20 * 8 + 5]
    assert values(told[1])["name"] == printable(NASTY)


def test_other_forms_go_through(rsyslog):
    open_sink(f"syslog+tcp://127.0.0.1:{rsyslog.port}?form=cef").send([PLAIN])
    open_sink(f"syslog+tcp://127.0.0.1:{rsyslog.port}?form=ocsf").send([PLAIN])
    first, second = received(rsyslog, 2)
    assert first["text"] == message(PLAIN)
    assert json.loads(second["text"])["class_uid"] == 2004


def test_octets_are_counted_and_not_characters(rsyslog):
    sink = open_sink(f"syslog+tcp://127.0.0.1:{rsyslog.port}?form=cef")
    sink.send([HOSTILE, PLAIN])
    assert len(received(rsyslog, 2)) == 2


def test_a_server_that_is_killed_gets_everything_later(rsyslog, tmp_path):
    sink = open_sink(f"syslog+tcp://127.0.0.1:{rsyslog.port}")
    alerts = [numbered(n % 3, 1 + n // 3) for n in range(60)]
    with Delivery([sink], tmp_path / "spool", patience=Patience(0.01, 0.1)) as delivery:
        delivery.put(alerts[:20])
        received(rsyslog, 20)
        rsyslog.stop(kill=True)
        (tmp_path / "pid").unlink(missing_ok=True)
        delivery.put(alerts[20:])
        wait_for(lambda: delivery.counters()[sink.name].retried > 2)
        rsyslog.start()
        wait_for(lambda: delivery.counters()[sink.name].waiting == 0)
    newest = {}
    for told in received(rsyslog, 60):
        known = newest.setdefault(values(told)["id"], [])
        if not known or int(values(told)["revision"]) > known[-1]:
            known.append(int(values(told)["revision"]))
    assert newest == {numbered(n).id: list(range(1, 21)) for n in range(3)}


def serve(listener, answer):
    def run():
        connection, _ = listener.accept()
        with connection:
            answer(connection)

    thread = threading.Thread(target=run)
    thread.start()
    return thread


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0)) as made:
        yield made


def reset(connection):
    """Close with octets unread, as the system does for a process that was killed."""
    time.sleep(0.1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")


def test_alerts_that_a_dying_server_did_not_read_are_sent_again(listener):
    thread = serve(listener, reset)
    sink = open_sink(f"syslog+tcp://127.0.0.1:{listener.getsockname()[1]}")
    with pytest.raises(SinkError, match="Connection reset"):
        sink.send([PLAIN] * 100)
    thread.join()


def test_a_server_that_holds_the_connection_open_is_believed(listener, monkeypatch):
    monkeypatch.setattr("minewatch.alerts.sinks.syslog._CLOSE_S", 0.3)
    held = threading.Event()
    thread = serve(listener, lambda _: held.wait(20))
    open_sink(f"syslog+tcp://127.0.0.1:{listener.getsockname()[1]}").send([PLAIN])
    held.set()
    thread.join()


def test_a_server_that_talks_is_not_listened_to_for_ever(listener, monkeypatch):
    monkeypatch.setattr("minewatch.alerts.sinks.syslog._CLOSE_S", 0.3)

    def talk(connection):
        try:
            while True:
                connection.sendall(b"x")
                time.sleep(0.01)
        except OSError:
            return

    thread = serve(listener, talk)
    start = time.monotonic()
    open_sink(f"syslog+tcp://127.0.0.1:{listener.getsockname()[1]}").send([PLAIN])
    assert time.monotonic() - start < 5
    thread.join()


def test_tls_checks_the_certificate_and_counts_octets(tmp_path, listener):
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    make = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost"
    names = ["-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", certificate]
    program("openssl")
    subprocess.run([*make.split(), *names], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    got = []

    def answer(connection):
        try:
            with context.wrap_socket(connection, server_side=True) as secure:
                while data := secure.recv(65_536):
                    got.append(data)
                secure.unwrap()
        except OSError:
            return

    address = f"syslog+tls://localhost:{listener.getsockname()[1]}"
    thread = serve(listener, answer)
    with pytest.raises(SinkError, match="certificate"):
        open_sink(address).send([PLAIN])
    thread.join()
    assert got == []

    thread = serve(listener, answer)
    open_sink(f"{address}?ca_file={certificate}").send([PLAIN, HOSTILE])
    thread.join()
    data = b"".join(got)
    messages = []
    while data:
        length, _, rest = data.partition(b" ")
        messages.append(rest[: int(length)])
        data = rest[int(length) :]
    assert len(messages) == 2
    assert all(one.startswith(b"<") for one in messages)

    got.clear()
    thread = serve(listener, answer)
    by_number = address.replace("localhost", "127.0.0.1")
    with pytest.raises(SinkError, match="certificate"):
        open_sink(f"{by_number}?ca_file={certificate}").send([PLAIN])
    thread.join()
    assert got == []


@pytest.mark.parametrize("scheme", ["syslog", "syslog+tcp"])
def test_a_server_that_is_down(scheme):
    sink = open_sink(f"{scheme}://127.0.0.1:{free_port()}")
    # Over UDP the first is lost; that nobody listens is told after it.
    with pytest.raises(SinkError, match="Connection refused"):
        sink.send([numbered(n) for n in range(100)])


def test_a_socket_that_is_not_there(tmp_path):
    with pytest.raises(SinkError, match="No such file"):
        open_sink(f"syslog:///{tmp_path}/absent").send([PLAIN])


def test_what_fits_in_no_datagram_is_refused_and_the_rest_goes_on(rsyslog, tmp_path):
    sink = open_sink(f"syslog://127.0.0.1:{rsyslog.port}")
    plain = sink._writing.form
    long = type(sink._writing)(
        lambda alert: "x" * MAX_DATAGRAM if alert.revision == 2 else plain(alert), 10, "s"
    )
    sink._writing = long
    with pytest.raises(RefusedError, match="longer than a datagram"):
        sink.send([HOSTILE])
    other = Memory("other")
    with Delivery([sink, other], tmp_path / "spool") as delivery:
        delivery.put(ALL)
    assert delivery.counters()[sink.name].refused == 1
    assert len(other.got) == 3
    assert [values(told)["revision"] for told in received(rsyslog, 2)] == ["1", "9"]
