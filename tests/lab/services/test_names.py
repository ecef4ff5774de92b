# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace

from lab.services.conftest import make_plan, make_service
from minewatch.lab.plan import Pool
from minewatch.lab.services.names import name_table


def test_hosts_sites_and_pools_have_names():
    plan = make_plan(make_service("http-browse"))
    pool = Pool("pool-1", "client-2", 3333, "x", "XMR", "rx/0")
    assert name_table(replace(plan, pools=(pool,))) == {
        "server-1.lab.example": "127.0.0.2",
        "client-1.lab.example": "127.0.0.3",
        "client-2.lab.example": "127.0.0.4",
        "http-browse-1.example": "127.0.0.2",
        "pool-1.example": "127.0.0.4",
    }
