# SPDX-License-Identifier: Apache-2.0
"""Where a soak's alerts go: PostgreSQL and a web server, both on the loopback, both stoppable."""

from __future__ import annotations

import json
import os
import pwd
import signal
import socket
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from minewatch.lab.services.postgresql import _as_postgres
from minewatch.lab.services.programs import run_program

LOOPBACK = "127.0.0.1"
DATABASE_PORT, WEBHOOK_PORT = 5432, 8080
PATIENCE_S = 60.0
SETTINGS = f"""
listen_addresses = '{LOOPBACK}'
port = {DATABASE_PORT}
unix_socket_directories = ''
dynamic_shared_memory_type = mmap
shared_buffers = 16MB
max_connections = 20
"""


class Database:
    """A server of PostgreSQL that syncs as one in earnest does."""

    url = f"postgresql+psycopg://postgres@{LOOPBACK}:{DATABASE_PORT}/postgres"

    def __init__(self, folder: Path) -> None:
        self._data = folder / "data"
        self._log = folder / "log"
        folder.mkdir()
        self._data.mkdir(mode=0o700)
        user = pwd.getpwnam("postgres")
        os.chown(self._data, user.pw_uid, user.pw_gid)
        make = ("initdb", "-D", str(self._data), "-U", "postgres", "-A", "trust", "-E", "UTF8")
        run_program(_as_postgres((*make, "--no-locale")))
        with (self._data / "postgresql.conf").open("a") as settings:
            settings.write(SETTINGS)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start, and return when it answers."""
        argv = _as_postgres(("postgres", "-D", str(self._data)))
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        deadline_s = time.monotonic() + PATIENCE_S
        while not listens(DATABASE_PORT):
            if self._process.poll() is not None or time.monotonic() > deadline_s:
                raise SystemExit(f"PostgreSQL does not start: {self._log.read_text()[-2000:]}")
            time.sleep(0.1)

    def stop(self) -> None:
        """Do what ``pg_ctl stop -m immediate`` does: nothing is finished."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(PATIENCE_S)
            self._process = None


def listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex((LOOPBACK, port)) == 0


class Webhook:
    """A web server that writes each alert down, with the time, before it says that it has it."""

    url = f"http://{LOOPBACK}:{WEBHOOK_PORT}/alerts"

    def __init__(self, log: Path) -> None:
        self.log = log
        self._lock = threading.Lock()
        self._server: ThreadingHTTPServer | None = None
        log.touch()

    def start(self) -> None:
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                hook.write(json.loads(body))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer((LOOPBACK, WEBHOOK_PORT), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def write(self, alert: dict[str, Any]) -> None:
        with self._lock, self.log.open("a") as log:
            log.write(json.dumps({"arrived_s": time.time(), "alert": alert}) + "\n")

    def stop(self) -> None:
        """Listen no longer: whoever connects is refused."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None
