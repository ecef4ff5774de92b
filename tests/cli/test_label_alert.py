# SPDX-License-Identifier: Apache-2.0
import json
import time

import pytest

from commands import runner_of
from minewatch.cli.label_alert import label_alert
from minewatch.cli.who import user_name
from some_alerts import some_alert, write_alerts


@pytest.fixture
def say():
    return runner_of(label_alert=label_alert)


@pytest.fixture
def store(tmp_path):
    return write_alerts(tmp_path / "alerts.jsonl", some_alert(), some_alert("10.0.0.6"))


def test_a_judgement_is_stored_and_the_precision_shown(say, store):
    before = time.time_ns()
    result = say(
        "label-alert", some_alert().id[:8], "true", "--reason", "xmrig ran", "--store", store
    )
    assert result.exit_code == 0, result.stderr
    assert result.stdout.splitlines() == [
        f"{some_alert().id}: 10.0.0.5 at 203.0.113.9:3333 was mining",
        "precision to date: 1 of 1 judged alerts were right, 100.0 % "
        "(95 % interval 20.7 to 100.0 %)",
        "1 of 2 alerts were not judged yet",
    ]
    kept = json.loads(store.with_name("alerts.labels.jsonl").read_text())
    assert (kept["alert_id"], kept["is_mining"]) == (some_alert().id, True)
    assert (kept["user"], kept["reason"]) == (user_name(), "xmrig ran")
    assert before <= kept["time_ns"] <= time.time_ns()


def test_another_mind_and_the_other_alert(say, store):
    for host, verdict in (("10.0.0.5", "true"), ("10.0.0.6", "true"), ("10.0.0.6", "false")):
        say("label-alert", some_alert(host).id, verdict, "--reason", "looked", "--store", store)
    result = say("label-alert", "--store", store)
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "precision to date: 1 of 2 judged alerts were right, 50.0 % (95 % interval 9.5 to 90.5 %)",
        "0 of 2 alerts were not judged yet",
    ]


def test_the_alerts_are_not_touched(say, store):
    before = store.read_bytes()
    say("label-alert", some_alert().id, "false", "--reason", "backup", "--store", store)
    assert store.read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("ffffffff", "true", "--reason", "x"), "no alert with an id"),
        (("ID",), "an id and true or false"),
        (("ID", "maybe", "--reason", "x"), "true or false"),
        (("ID", "true"), "--reason is empty"),
        (("ID", "true", "--reason", "a\x1bb"), "printable"),
    ],
)
def test_what_is_wrong_is_one_line_and_nothing_is_stored(say, store, arguments, said):
    arguments = [some_alert().id if one == "ID" else one for one in arguments]
    result = say("label-alert", *arguments, "--store", store)
    assert result.exit_code == 2
    assert said in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert not store.with_name("alerts.labels.jsonl").exists()


def test_lines_that_cannot_be_read_are_told(say, store):
    store.write_bytes(store.read_bytes() + b"{}\n")
    store.with_name("alerts.labels.jsonl").write_bytes(b"{}\n{}\n")
    result = say("label-alert", "--store", store)
    assert result.exit_code == 0
    assert [line.rpartition(": ")[2] for line in result.stderr.splitlines()] == [
        "1 lines could not be read",
        "2 lines could not be read",
    ]


def test_no_store(say, tmp_path):
    result = say("label-alert", "--store", tmp_path / "none.jsonl")
    assert result.exit_code == 2
    assert "name the file of a jsonl sink" in result.stderr
