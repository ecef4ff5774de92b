# SPDX-License-Identifier: Apache-2.0
from lab.services.conftest import SERVER, free_port, make_service
from minewatch.lab.plan import Service


def test_sites_are_fetched_through_the_proxy(stage):
    # No browser of its own: whatever reaches the site came through the proxy.
    site = Service("site", "http-browse", SERVER, free_port(), ())
    made = stage(make_service("socks5", read_mean_s=0.1, pause_mean_s=0.1), site)
    log = made.folder / "site" / "access.log"
    made.play(lambda s: log.exists() and log.read_text().count(" 200 4000 ") > 2)


def test_without_a_site_there_is_nothing_to_do(stage):
    made = stage("socks5")
    made.play(lambda s: True)
