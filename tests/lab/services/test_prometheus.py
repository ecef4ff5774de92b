# SPDX-License-Identifier: Apache-2.0
import json
from urllib.request import urlopen

from lab.services.conftest import free_port
from minewatch.lab.plan import Service


def test_one_scraper_for_all_exporters_of_a_client(stage, tmp_path):
    services = [
        Service(name, "prometheus", "server-1", free_port(), ("client-1",), {"every_s": 1.0})
        for name in ("exporter-1", "exporter-2")
    ]
    made = stage(*services)
    told = []

    def samples(stage):
        """The write-ahead log holds what was scraped."""
        log = tmp_path / "exporter-1/client-1/data/wal"
        octets = b"".join(path.read_bytes() for path in log.glob("0*"))
        with urlopen(f"http://127.0.0.2:{services[0].port}/metrics") as page:
            told.append(page.read())
        return all(f"127.0.0.2:{s.port}".encode() in octets for s in services)

    made.play(samples)
    assert len(made.running) == 3
    assert b"node_memory_MemFree_bytes" in told[-1]
    for name in (b"node_uname_info", b"node_dmi_info", b"node_os_info", b"mountpoint="):
        assert name not in told[-1]  # whose machine it was is nobody's business
    config = json.loads((tmp_path / "exporter-1/client-1/prometheus.yml").read_text())
    targets = config["scrape_configs"][0]["static_configs"][0]["targets"]
    assert targets == [f"127.0.0.2:{s.port}" for s in services]
