# SPDX-License-Identifier: Apache-2.0
import sys

import pytest

from alert_servers import free_port
from minewatch.alerts.sinks.opening import EXAMPLES, open_sink
from minewatch.alerts.sinks.place import mark
from minewatch.contracts import Sink
from minewatch.errors import ConfigError

SECRET = "hunter2"
HOOK = f"/T1/{SECRET}?k={SECRET}"


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOOK", f"https://hooks.example{HOOK}")
    (tmp_path / "kafka.conf").write_text(f"# ours\nsasl.password = {SECRET}\n\nclient.id=me\n")


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("jsonl:a.jsonl?max_mib=1&keep=0&form=ocsf", "jsonl:a.jsonl"),
        ("JSONL:a%20b", "jsonl:a b"),
        ("jsonl:-", "jsonl:-"),
        ("eve:eve.json", "eve:eve.json"),
        ("syslog://127.0.0.1?facility=local3&form=cef", "syslog://127.0.0.1:514"),
        ("syslog:///dev/log", "syslog:///dev/log"),
        ("syslog+tcp://[::1]:601?hostname=x", "syslog+tcp://[::1]:601"),
        ("syslog+tls://logs.example", "syslog+tls://logs.example:6514"),
        (f"webhook:https://h.example{HOOK}", f"webhook:h.example:443#{mark(HOOK)}"),
        ("webhook:http://127.0.0.1:8080#form=ecs&timeout_s=3", "webhook:127.0.0.1:8080#8a5edab2"),
        ("slack:env:HOOK", f"slack:hooks.example:443#{mark(HOOK)}"),
        ("kafka://a,b:9000/alerts?form=json", "kafka://a:9092,b:9000/alerts"),
        ("kafka://a/alerts?settings_file=kafka.conf", "kafka://a:9092/alerts"),
        ("nats://127.0.0.1/a.b?jetstream=yes", "nats://127.0.0.1:4222/a.b"),
        ("nats+tls://n.example/a", "nats+tls://n.example:4222/a"),
        ("sql:sqlite:///alerts.db", "sql:sqlite:///alerts.db"),
        (
            f"sql:postgresql+psycopg://me:{SECRET}@db.example/x?sslkey={SECRET}",
            "sql:postgresql+psycopg://db.example/x",
        ),
        (
            f"sql:postgresql+psycopg://me:a%40{SECRET}@[::1]:5433/x?password=b@{SECRET}",
            "sql:postgresql+psycopg://[::1]:5433/x",
        ),
        (f"sql:postgresql+psycopg:///x?user=me&password={SECRET}", "sql:postgresql+psycopg:///x"),
    ],
)
def test_each_kind_is_opened_without_a_connection(address, name):
    sink = open_sink(address)
    assert isinstance(sink, Sink)
    assert SECRET not in sink.name
    assert sink.name == name
    sink.close()


def test_metrics_are_served_on_loopback():
    port = free_port()
    sink = open_sink(f"prometheus://:{port}")
    assert sink.name == f"prometheus://127.0.0.1:{port}"
    with pytest.raises(ConfigError, match="Address already in use"):
        open_sink(f"prometheus://:{port}")
    sink.close()


def test_two_hooks_of_one_host_have_two_names():
    first, second = (open_sink(f"slack:https://hooks.slack.com/{p}") for p in "ab")
    assert first.name != second.name


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("", "an address: no such kind of sink"),
        ("alerts.jsonl", "an address: no such kind of sink; write one of jsonl:PATH"),
        (f"pigeon:{SECRET}", "pigeon: no such kind of sink"),
        (f"{SECRET}\x1b:x", "an address: no such kind"),
        ("jsonl:", "name a place"),
        ("jsonl:" + "x" * 5_000, "at most 4,096"),
        ("jsonl:absent/a", "no such folder"),
        ("jsonl:.", "a folder"),
        ("jsonl:a%00b", "no such folder"),
        ("jsonl:a?keep=-1", "keep=-1: a whole number from 0 to 1,000"),
        ("jsonl:a?kep=1", "kep: no such option of this sink; there are: form, keep, max_mib"),
        ("jsonl:a?form=cef", "form=cef: one of ecs"),
        ("syslog:/dev/log", "write syslog://HOST"),
        ("syslog+tcp://", "name a host"),
        ("syslog://a:0x1", "port of the server"),
        ("syslog://a?facility=mine", "facility=mine: one of kern"),
        ("syslog+tls://a?ca_file=absent", "ca_file=absent: no certificates"),
        (f"webhook:https://me:{SECRET}@a.example/", "no user in it"),
        ("webhook:ftp://a.example/", "begins with https://"),
        ("webhook:https:///x", "begins with https:// and a host"),
        ("webhook:https://a:99999/", "no URL"),
        ("webhook:https://a/\r\nX: y", "percent-encode"),
        ("webhook:https://a/#form=text", "form=text: one of"),
        ("webhook:https://a/#secret_env=ABSENT", "environment variable ABSENT"),
        ("slack:env:ABSENT", "environment variable ABSENT"),
        ("kafka://a", "name a broker and a topic"),
        (f"kafka://me:{SECRET}@a/t", "no user in the address"),
        ("kafka://a/t?settings_file=absent", "cannot be read"),
        ("nats://a/", "name a subject"),
        ("nats://a/x.>", "name a subject"),
        ("nats:///x", "name a host"),
        ("nats://a/x?credentials_file=absent", "no such file"),
        ("nats://a/x?jetstream=perhaps", "yes or no"),
        ("sql:alerts.db", "sqlite:///PATH or"),
        ("sql:oracle://a/b", "sqlite and postgresql are known"),
        (f"sql:mysql://me:{SECRET}?{SECRET}@a/b", "sqlite and postgresql are known"),
        (f"sql:sqlite+pysqlcipher://:{SECRET}@/a.db", "sqlite"),
        ("sql:sqlite://", "name a file"),
        ("sql:sqlite:///:memory:", "name a file"),
        ("sql:sqlite:///file:a?mode=memory&uri=true", "name a file"),
        ("sql:sqlite:///absent/a.db", "absent: no such folder"),
        ("sql:sqlite:///.", "a folder"),
        ("nats+tls://a/x?ca_file=absent", "ca_file=absent: no certificates"),
        ("nats://a/x?ca_file=absent", "ca_file: no such option"),
        (f"sql:postgresql+nodriver://me:{SECRET}@a/b", "sqlite:///PATH or"),
    ],
)
def test_what_is_wrong_is_said_without_secrets(address, message):
    with pytest.raises(ConfigError, match=r".") as caught:
        open_sink(address)
    assert message in str(caught.value)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("address", "library"),
    [
        ("kafka://a/t", "confluent_kafka"),
        ("nats://a/t", "nats"),
        ("prometheus://:0", "prometheus_client"),
        ("sql:postgresql+psycopg://a/b", "psycopg"),
    ],
)
def test_a_library_that_is_not_here(address, library, monkeypatch):
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(ConfigError, match=r"pip install 'minewatch\[sinks\]'"):
        open_sink(address)


def test_settings_of_kafka_may_load_no_code(tmp_path):
    path = tmp_path / "bad.conf"
    for line in ("plugin.library.paths=/x.so", "no setting"):
        path.write_text(line)
        with pytest.raises(ConfigError, match="line 1"):
            open_sink(f"kafka://a/t?settings_file={path}")
    path.write_text("no.such.setting=1")
    with pytest.raises(ConfigError, match="No such configuration property"):
        open_sink(f"kafka://a/t?settings_file={path}")


def test_the_examples_are_of_known_kinds():
    for example in EXAMPLES:
        try:
            open_sink(example).close()
        except ConfigError as error:
            assert "no such kind" not in str(error)  # noqa: PT017
