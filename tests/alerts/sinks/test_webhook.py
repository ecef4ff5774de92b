# SPDX-License-Identifier: Apache-2.0
import hashlib
import hmac
import json
import socket
import ssl
import subprocess
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from alert_servers import free_port, program
from made_up_alerts import ALL, HOSTILE, PLAIN, numbered
from minewatch.alerts.forms.record import record
from minewatch.alerts.sinks.opening import open_sink
from minewatch.alerts.sinks.refusal import RefusedError
from minewatch.errors import SinkError

KEY = b"a key of the tests"


class Receiver(ThreadingHTTPServer):
    """Keeps what is posted, and answers as it is told."""

    daemon_threads = True

    def __init__(self, context=None):
        self.status, self.headers, self.got = 200, {}, []
        super().__init__(("127.0.0.1", 0), Handler)
        if context is not None:
            self.socket = context.wrap_socket(self.socket, server_side=True)

    def handle_error(self, request, client_address):
        """The other side went away, as some tests want it."""


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((self.path, dict(self.headers), body))
        self.send_response(self.server.status)
        for name, value in self.server.headers.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, format, *args):
        """Say nothing."""


@contextmanager
def serving(context=None):
    server = Receiver(context)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("HOOK_KEY", KEY.decode())
    with serving() as receiver:
        yield receiver


def url(server, path="/hook?token=1"):
    return f"http://127.0.0.1:{server.server_port}{path}"


def test_each_alert_is_posted_with_its_id_and_signature(server):
    sink = open_sink(f"webhook:{url(server)}#secret_env=HOOK_KEY")
    sink.send(ALL)
    for alert, (path, headers, body) in zip(ALL, server.got, strict=True):
        assert path == "/hook?token=1"
        assert json.loads(body) == record(alert)
        assert headers["Content-Type"] == "application/json"
        assert headers["X-Minewatch-Alert"] == f"{alert.id}-{alert.revision}"
        expected = hmac.new(KEY, body, hashlib.sha256).hexdigest()
        assert headers["X-Minewatch-Signature-256"] == f"sha256={expected}"
        assert KEY.decode() not in str(headers)


def test_without_a_secret_there_is_no_signature(server):
    open_sink(f"webhook:{url(server)}").send([PLAIN])
    assert "X-Minewatch-Signature-256" not in server.got[0][1]


def test_slack_gets_blocks(server):
    open_sink(f"slack:{url(server)}").send([HOSTILE])
    body = json.loads(server.got[0][2])
    assert body["blocks"][0]["type"] == "header"


def test_other_forms(server):
    open_sink(f"webhook:{url(server)}#form=ocsf").send([PLAIN])
    assert json.loads(server.got[0][2])["class_uid"] == 2004


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed(server, status):
    with serving() as other:
        server.status, server.headers = status, {"Location": url(other)}
        with pytest.raises(SinkError, match=f"a redirect .status {status}.; name the new address"):
            open_sink(f"webhook:{url(server)}").send([PLAIN])
        assert other.got == []


@pytest.mark.parametrize("status", [401, 403, 404, 408, 429, 500, 503])
def test_what_may_be_better_later_is_a_failure(server, status):
    server.status = status
    with pytest.raises(SinkError, match=f"status {status}") as caught:
        open_sink(f"webhook:{url(server)}").send([PLAIN])
    assert not isinstance(caught.value, RefusedError)
    assert "token" not in str(caught.value)


@pytest.mark.parametrize("status", [400, 413, 422])
def test_what_is_about_the_alert_is_a_refusal(server, status):
    server.status = status
    with pytest.raises(RefusedError, match=f"refused, status {status}"):
        open_sink(f"webhook:{url(server)}").send([PLAIN])


def test_a_server_that_is_down():
    with pytest.raises(SinkError, match="Connection refused"):
        open_sink(f"webhook:http://127.0.0.1:{free_port()}/").send([PLAIN])


@contextmanager
def answering(answer):
    """A server that answers every connection so."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve():
            connection, _ = listener.accept()
            with connection:
                connection.recv(65_536)
                try:
                    answer(connection)
                except OSError:
                    return

        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(10)


def drip(connection, first=b"HTTP/1.1 "):
    """Send an octet now and then, so that no read ever times out."""
    connection.sendall(first)
    for _ in range(100):
        connection.sendall(b"2")
        time.sleep(0.1)


@pytest.mark.parametrize(
    "answer",
    [
        lambda c: c.sendall(b"nonsense\r\n\r\n"),
        lambda c: c.sendall(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200),
        lambda c: None,
        drip,
    ],
    ids=["nonsense", "many headers", "nothing", "drip"],
)
def test_a_server_that_answers_badly(answer):
    start = time.monotonic()
    with answering(answer) as port, pytest.raises(SinkError, match="webhook:127"):
        open_sink(f"webhook:http://127.0.0.1:{port}/#timeout_s=1").send([PLAIN])
    assert time.monotonic() - start < 5


@pytest.mark.parametrize(
    "answer",
    [
        lambda c: c.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort"),
        lambda c: drip(c, b"HTTP/1.1 200 OK\r\nX: "),
    ],
    ids=["short", "drip"],
)
def test_the_status_is_the_receipt_whatever_follows(answer):
    start = time.monotonic()
    with answering(answer) as port:
        open_sink(f"webhook:http://127.0.0.1:{port}/#timeout_s=1").send([PLAIN])
    assert time.monotonic() - start < 5


def test_a_server_that_talks_without_end_is_cut_off():
    def talk(connection):
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            connection.sendall(bytes(65_536))

    with answering(talk) as port:
        open_sink(f"webhook:http://127.0.0.1:{port}/#timeout_s=2").send([PLAIN])


def test_a_certificate_is_checked(tmp_path, monkeypatch):
    program("openssl")
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    make = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost"
    names = ["-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", certificate]
    subprocess.run([*make.split(), *names], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with serving(context) as receiver:
        address = f"webhook:https://localhost:{receiver.server_port}/"
        with pytest.raises(SinkError, match="certificate"):
            open_sink(address).send([PLAIN])
        assert receiver.got == []
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        open_sink(address).send([numbered(1)])
        assert json.loads(receiver.got[0][2])["id"] == numbered(1).id
