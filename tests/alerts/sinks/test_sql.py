# SPDX-License-Identifier: Apache-2.0
import sqlite3
import subprocess
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from alert_servers import free_port, listens, program, running
from alert_sinks import wait_for
from made_up_alerts import ALL, ENDED, HOSTILE, NASTY, PLAIN, numbered
from minewatch.alert import Change
from minewatch.alerts.courier import Patience
from minewatch.alerts.delivery import Delivery
from minewatch.alerts.forms.clean import printable
from minewatch.alerts.forms.stored import read
from minewatch.alerts.sinks.opening import open_sink
from minewatch.errors import SinkError
from minewatch.lab.services.postgresql import _as_postgres
from minewatch.lab.services.programs import run_program

SETTINGS = """
listen_addresses = '127.0.0.1'
port = {port}
unix_socket_directories = ''
dynamic_shared_memory_type = mmap
shared_buffers = 16MB
max_connections = 20
fsync = off
"""


@pytest.fixture(scope="module")
def postgresql(tmp_path_factory):
    """A server of PostgreSQL, with its address."""
    program("postgres"), program("initdb")
    folder = tmp_path_factory.mktemp("postgresql")
    data, port = folder / "data", free_port()
    data.mkdir(mode=0o700)
    as_owner(data)
    make = ("initdb", "-D", str(data), "-U", "postgres", "-A", "trust", "-E", "UTF8")
    run_program(_as_postgres((*make, "--no-sync", "--no-locale")))
    with (data / "postgresql.conf").open("a") as settings:
        settings.write(SETTINGS.format(port=port))
    argv = _as_postgres(("postgres", "-D", str(data)))
    with running(argv, lambda: listens(port), folder / "log") as server:
        server.port = port
        yield server


def as_owner(folder: Path):
    import os
    import pwd

    if os.geteuid() == 0:
        user = pwd.getpwnam("postgres")
        os.chown(folder, user.pw_uid, user.pw_gid)


def psql(server, query):
    argv = [program("psql"), "-X", "-At", "-h", "127.0.0.1", "-p", str(server.port)]
    done = subprocess.run(
        [*argv, "-U", "postgres", "-v", "ON_ERROR_STOP=1", "-c", query],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


class Sqlite:
    def __init__(self, folder):
        self.path = folder / "alerts.db"
        self.address = f"sql:sqlite:///{self.path}"

    def ask(self, query):
        with sqlite3.connect(self.path) as connection:
            rows = connection.execute(query).fetchall()
        connection.close()
        return "\n".join("|".join("" if v is None else str(v) for v in row) for row in rows)


class Postgresql:
    def __init__(self, server):
        self.server = server
        self.address = f"sql:postgresql+psycopg://postgres@127.0.0.1:{server.port}/postgres"
        psql(server, "DROP TABLE IF EXISTS alerts, alert_revisions, minewatch_database")

    def ask(self, query):
        return psql(self.server, query)


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request, tmp_path):
    if request.param == "sqlite":
        return Sqlite(tmp_path)
    return Postgresql(request.getfixturevalue("postgresql"))


@pytest.fixture
def sink(database):
    made = open_sink(database.address)
    yield made
    made.close()


def test_every_telling_is_stored_once_and_the_latest_known(database, sink):
    second = replace(PLAIN, revision=2, change=Change.UPDATED)
    sink.send([PLAIN, second, numbered(1)])
    sink.send([PLAIN, second])
    sink.send([second, PLAIN, ENDED])
    sink.send([PLAIN])
    query = f"SELECT revision FROM alert_revisions WHERE id = '{PLAIN.id}' ORDER BY 1"
    assert database.ask(query).split() == ["1", "2", "9"]
    assert database.ask(f"SELECT revision, change FROM alerts WHERE id = '{PLAIN.id}'") == "9|ended"
    assert database.ask("SELECT count(*) FROM alerts") == "2"
    assert database.ask("SELECT version FROM minewatch_database") == "1"


@pytest.mark.parametrize("alert", ALL)
def test_the_exact_alert_comes_back(database, sink, alert):
    sink.send([alert])
    query = f"SELECT stored FROM {{}} WHERE id = '{alert.id}'"
    for table in ("alerts", "alert_revisions"):
        assert read(database.ask(query.format(table))) == alert


def test_columns_can_be_asked_for(database, sink):
    sink.send([PLAIN, HOSTILE])
    sink.send([numbered(3)])
    found = database.ask(f"SELECT host, pool_name, severity FROM alerts WHERE id = '{PLAIN.id}'")
    assert found == f"2001:db8::5|{printable(NASTY)}|medium"
    query = "SELECT host, first_seen, conversations FROM alert_revisions WHERE revision = 1"
    assert database.ask(f"{query} AND id = '{PLAIN.id}'") == (
        "10.0.0.5|2023-11-14T22:13:20.123456Z|2"
    )


def test_a_database_of_a_later_version_is_refused(database, sink):
    sink.send([PLAIN])
    sink.close()
    if isinstance(database, Sqlite):
        with sqlite3.connect(database.path) as connection:
            connection.execute("UPDATE minewatch_database SET version = 2")
        connection.close()
    else:
        database.ask("UPDATE minewatch_database SET version = 2")
    again = open_sink(database.address)
    with pytest.raises(SinkError, match="of version 2, this minewatch knows 1"):
        again.send([ENDED])
    again.close()
    assert database.ask("SELECT count(*) FROM alert_revisions") == "1"


def test_two_watchers_may_begin_at_once(database):
    failed = []

    def watch(number):
        one = open_sink(database.address)
        try:
            for revision in range(1, 6):
                one.send([numbered(number, revision), numbered(99, revision)])
        except SinkError as error:
            failed.append(error)
        one.close()

    threads = [threading.Thread(target=watch, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert database.ask("SELECT count(*) FROM alert_revisions") == "20"


def test_sqlite_is_written_ahead_so_that_readers_do_not_wait(tmp_path):
    database = Sqlite(tmp_path)
    sink = open_sink(database.address)
    sink.send([PLAIN])
    assert database.ask("PRAGMA journal_mode") == "wal"
    with sink._engine.connect() as connection:
        # FULL: what is committed survives a loss of power.
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
    reader = sqlite3.connect(database.path)
    reader.execute("BEGIN")
    assert reader.execute("SELECT count(*) FROM alerts").fetchone() == (1,)
    sink.send([numbered(1)])
    assert reader.execute("SELECT count(*) FROM alerts").fetchone() == (1,)
    reader.close()
    sink.close()


def test_sqlite_is_not_for_everybody_to_read(tmp_path):
    sink = open_sink(Sqlite(tmp_path).address)
    sink.send([PLAIN])
    files = list(tmp_path.glob("alerts.db*"))
    assert len(files) == 3
    assert all(path.stat().st_mode & 0o007 == 0 for path in files)
    sink.close()


def test_a_folder_that_is_gone_and_comes_back(tmp_path):
    folder = tmp_path / "mount"
    folder.mkdir()
    sink = open_sink(f"sql:sqlite:///{folder}/alerts.db")
    folder.rmdir()
    with pytest.raises(SinkError, match="No such file"):
        sink.send([PLAIN])
    folder.mkdir()
    sink.send([PLAIN])
    sink.close()


def test_a_file_that_is_no_database(tmp_path):
    (tmp_path / "alerts.db").write_bytes(b"no database" * 1_000)
    sink = open_sink(Sqlite(tmp_path).address)
    with pytest.raises(SinkError, match="file is not a database"):
        sink.send([PLAIN])
    sink.close()


def test_what_a_database_will_never_take_holds_up_no_other(postgresql, tmp_path):
    database = Postgresql(postgresql)
    sink = open_sink(database.address)
    with Delivery([sink], tmp_path / "spool", patience=Patience(0.01, 0.1)) as delivery:
        delivery.put([numbered(1), replace(numbered(2), id="x" * 65), numbered(3)])
        wait_for(lambda: delivery.counters()[sink.name].waiting == 0)
        counters = delivery.counters()[sink.name]
    assert (counters.delivered, counters.refused) == (2, 1)
    assert database.ask("SELECT count(*) FROM alerts") == "2"


def test_no_password_is_told():
    address = f"postgresql+psycopg://me:hunter2@127.0.0.1:{free_port()}/x"
    sink = open_sink(f"sql:{address}")
    with pytest.raises(SinkError, match="refused") as caught:
        sink.send([PLAIN])
    assert "hunter2" not in str(caught.value)
    sink.close()


def test_every_alert_is_there_once_after_a_restart_of_postgresql(postgresql, tmp_path):
    database = Postgresql(postgresql)
    said = []
    soon = Patience(0.01, 0.1)
    sink = open_sink(database.address)
    alerts = [numbered(n % 4, 1 + n // 4) for n in range(60)]
    with Delivery([sink], tmp_path / "spool", tell=said.append, patience=soon) as delivery:
        delivery.put(alerts[:20])
        wait_for(lambda: delivery.counters()[sink.name].waiting == 0)
        postgresql.stop(kill=True)
        for alert in alerts[20:40]:
            delivery.put([alert])
        wait_for(lambda: delivery.counters()[sink.name].retried > 2)
        postgresql.start()
        for alert in alerts[40:]:
            delivery.put([alert])
        wait_for(lambda: delivery.counters()[sink.name].waiting == 0, 60)
    assert database.ask("SELECT count(*), count(DISTINCT id) FROM alert_revisions") == "60|4"
    assert database.ask("SELECT min(revision), max(revision) FROM alerts") == "15|15"
    assert said[-1].endswith("takes alerts again")
