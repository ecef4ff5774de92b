# SPDX-License-Identifier: Apache-2.0
"""nginx serving a folder, with everything that it writes in one folder."""

from __future__ import annotations

from pathlib import Path

from minewatch.lab.plan import Plan, Service
from minewatch.lab.services.contract import Command
from minewatch.lab.services.programs import need_program
from minewatch.lab.tls import Certificate

PACKAGES = {"nginx": "nginx"}

# Root's worker can read a site in a folder that only root may enter.
_CONFIG = """
user root;
daemon off;
worker_processes 1;
pid "{folder}/nginx.pid";
error_log stderr;
events {{ worker_connections 128; }}
http {{
    access_log "{folder}/access.log";
    default_type text/html;
    keepalive_timeout 65s;
    limit_rate {limit_rate};
    client_body_temp_path "{folder}/body";
    proxy_temp_path "{folder}/proxy";
    fastcgi_temp_path "{folder}/fastcgi";
    uwsgi_temp_path "{folder}/uwsgi";
    scgi_temp_path "{folder}/scgi";
    server {{
        listen {address}:{port}{tls};
        root "{folder}/site";
    }}
}}
"""


def nginx(
    service: Service,
    plan: Plan,
    folder: Path,
    certificate: Certificate | None = None,
    limit_rate: str = "0",
) -> Command:
    """Return the nginx that serves ``folder/site``.

    Parameters
    ----------
    service, plan, folder : as in ``ServiceKind.servers``.
    certificate : it speaks TLS if there is one.
    limit_rate : octets a second of one answer, in nginx's own notation; ``0``: no limit.
    """
    tls = ""
    if certificate is not None:
        tls = f' ssl; ssl_certificate "{certificate.certificate}"'
        tls += f'; ssl_certificate_key "{certificate.key}"'
    config = folder / "nginx.conf"
    config.write_text(
        _CONFIG.format(
            folder=folder,
            address=plan.host(service.host).address,
            port=service.port,
            tls=tls,
            limit_rate=limit_rate,
        )
    )
    argv = (need_program("nginx"), "-p", str(folder), "-c", str(config), "-e", "stderr")
    return Command(service.host, argv, ready_port=service.port)
