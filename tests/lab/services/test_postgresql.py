# SPDX-License-Identifier: Apache-2.0
import subprocess
from pathlib import Path

from minewatch.lab.services.programs import need_program


def ask(stage, query):
    address, port = stage.place
    argv = [need_program("psql"), "-X", "-At", "-h", address, "-p", str(port), "-U", "postgres"]
    done = subprocess.run([*argv, "-c", query], capture_output=True, text=True, check=False)
    return done.stdout.strip()


def test_pgbench_changes_accounts(stage):
    made = stage("postgresql-pgbench", rate=50.0, burst_s=1.0, pause_mean_s=0.2)
    seen = "SELECT coalesce(sum(n_tup_upd), 0) FROM pg_stat_user_tables"
    shared = set(Path("/dev/shm").iterdir())
    made.play(lambda s: int(ask(s, seen) or 0) > 20)
    assert "ERROR" not in made.said
    assert set(Path("/dev/shm").iterdir()) == shared


def test_a_pool_is_idle_and_beats(stage):
    made = stage("postgresql-idle", connections=2.0, heartbeat_s=0.2)
    idle = (
        "SELECT count(*) FROM pg_stat_activity WHERE state = 'idle' AND application_name = 'psql'"
        " AND query LIKE 'SELECT %' AND query_start > backend_start + interval '0.2 s'"
    )
    made.play(lambda s: ask(s, idle) == "4")


def test_the_tables_are_those_of_pgbench(stage):
    made = stage("postgresql-idle")
    counted = "SELECT count(*), max(aid), min(aid) FROM pgbench_accounts"
    made.play(lambda s: ask(s, counted) == "100000|100000|1")
