# SPDX-License-Identifier: Apache-2.0
import contextlib
import re
import socket
import subprocess
from pathlib import Path

from lab.services.conftest import CLIENTS, SERVER, free_port
from minewatch.lab.plan import Service

RECORDS = [Path(f"/var/log/{name}") for name in ("wtmp", "btmp", "lastlog")]


def records():
    return {path: path.read_bytes() for path in RECORDS if path.exists()}


def test_someone_types_and_nothing_is_recorded(stage):
    before, home = records(), set(Path.home().iterdir())
    made = stage("ssh-interactive", think_mean_s=0.2)
    made.play(lambda s: s.said.count("Starting session: forced-command (config)") == 2)
    assert made.said.count("on pts/") == 2
    assert records() == before
    assert set(Path.home().iterdir()) == home


def received(port):
    """What each connection at a port has brought so far [octets]."""
    argv = ["ss", "-Htinp", f"sport = :{port}"]
    text = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    return [int(octets) for octets in re.findall(r"bytes_received:(\d+)", text)]


def test_an_idle_session_is_kept_alive(stage):
    made = stage("ssh-idle", alive_s=1.0)
    seen = []

    def is_alive(stage):
        if stage.said.count("Accepted publickey for root") == 2:
            seen.append(sum(received(stage.service.port)))
        return len(set(seen)) > 3

    made.play(is_alive)
    # A keep-alive is some dozens of octets, not a session's work.
    assert max(seen) - seen[len(seen) // 2] < 500


def test_a_tunnel_leads_to_its_target(stage):
    answers = set()
    local = free_port("127.0.0.1")
    with socket.create_server(("127.0.0.4", 0)) as target:
        options = {"local_port": float(local), "target_host": "client-2"}
        options["target_port"] = float(target.getsockname()[1])

        def is_through(stage):
            with (
                contextlib.suppress(OSError),
                socket.create_connection(("127.0.0.1", local)) as end,
            ):
                end.sendall(b"share")
                accepted, _ = target.accept()
                with accepted:
                    answers.add(accepted.recv(5))
            return bool(answers)

        service = Service("tunnel", "ssh-tunnel", SERVER, free_port(), CLIENTS[:1], options)
        stage(service).play(is_through)
    assert answers == {b"share"}


def test_a_site_is_read_through_a_tunnel(stage):
    site = Service("site", "http-health", SERVER, free_port(), ())
    local = float(free_port("127.0.0.1"))
    options = {"local_port": local, "target_port": float(site.port), "read_mean_s": 0.1}
    tunnel = Service("tunnel", "ssh-tunnel", SERVER, free_port(), CLIENTS[:1], options)
    made = stage(tunnel, site)
    log = made.folder / "site" / "access.log"
    made.play(lambda s: log.exists() and log.read_text().count("GET /healthz") > 2)
