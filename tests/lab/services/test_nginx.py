# SPDX-License-Identifier: Apache-2.0
import subprocess

from lab.services.conftest import make_plan, make_service
from minewatch.lab import tls
from minewatch.lab.services.nginx import nginx


def test_nginx_takes_the_configuration_even_with_spaces_in_its_path(tmp_path):
    folder = tmp_path / "a folder"
    (folder / "site").mkdir(parents=True)
    made = tls.self_signed_certificate(folder, "site.example")
    service = make_service("https-browse")
    command = nginx(service, make_plan(service), folder, made, limit_rate="1000")
    done = subprocess.run([*command.argv, "-t"], capture_output=True, text=True, check=False)
    assert "syntax is ok" in done.stderr, done.stderr
    assert command.ready_port == service.port
    assert f"listen 127.0.0.2:{service.port} ssl;" in (folder / "nginx.conf").read_text()
