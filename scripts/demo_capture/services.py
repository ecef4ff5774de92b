# SPDX-License-Identifier: Apache-2.0
"""The real services: nginx, Redis and mosquitto, with everything that they write in one folder."""

from __future__ import annotations

import subprocess
from pathlib import Path

from demo_capture import network, scenario
from minewatch.lab import tls

PROGRAMS = {
    "nginx": "nginx",
    "redis-server": "redis-server",
    "mosquitto": "mosquitto",
    "mosquitto_pub": "mosquitto-clients",
    "tcpdump": "tcpdump",
    "tshark": "tshark",
    "openssl": "openssl",
    "ip": "iproute2",
    "timeout": "coreutils",
}
"""What the script runs, and the Debian package of each."""

_NGINX = """
user root;
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log;
events {{ worker_connections 64; }}
http {{
    access_log off;
    default_type text/html;
    keepalive_timeout 65s;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 80;
        {listen_tls}
        root {folder}/site;
    }}
}}
"""

_TLS = "listen 443 ssl; ssl_certificate {certificate}; ssl_certificate_key {key};"

_MOSQUITTO = """
listener 1883 0.0.0.0
allow_anonymous true
persistence false
user root
log_type error
"""

PAGES = {
    "index.html": 360,
    "news.html": 480,
    "style.css": 230,
    "api.json": 150,
    "health": 2,
}
"""What the sites hold, and how long each page is [octets]."""


def start_nginx(
    made: network.Network, host: str, folder: Path, certificate: tls.Certificate | None
) -> None:
    """Start nginx on a host: port 80, and 443 if there is a certificate."""
    site = folder / "site"
    site.mkdir(parents=True)
    for name, octets in PAGES.items():
        (site / name).write_text((f"{host} {name} " * octets)[:octets])
    listen_tls = ""
    if certificate is not None:
        listen_tls = _TLS.format(certificate=certificate.certificate, key=certificate.key)
    config = folder / "nginx.conf"
    config.write_text(_NGINX.format(folder=folder, listen_tls=listen_tls))
    command = ["nginx", "-p", str(folder), "-c", str(config), "-e", str(folder / "nginx.log")]
    _start(made, host, command, folder, 80)


def start_redis(made: network.Network, host: str, folder: Path) -> None:
    """Start Redis on a host, without a file of its own."""
    command = ["redis-server", "--port", "6379", "--bind", scenario.SERVERS[host]]
    command += ["--protected-mode", "no", "--save", "", "--dir", str(folder)]
    _start(made, host, command, folder, 6379)


def start_mosquitto(made: network.Network, host: str, folder: Path) -> None:
    """Start mosquitto on a host."""
    config = folder / "mosquitto.conf"
    config.write_text(_MOSQUITTO)
    _start(made, host, ["mosquitto", "-c", str(config)], folder, 1883)


def _start(
    made: network.Network, host: str, command: list[str], folder: Path, port: int
) -> subprocess.Popen[bytes]:
    process = made.start(host, command, log=folder / f"{command[0]}.out")
    network.wait_for_port(process, port)
    return process
