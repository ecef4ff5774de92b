# SPDX-License-Identifier: Apache-2.0
"""The files under deploy: units, container, compose file, rules and dashboard fit the program."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import typer
import yaml
from typer.main import get_command

from minewatch.cli import respond
from minewatch.cli.doctor import SERVICE_FOLDER
from minewatch.cli.label_alert import DEFAULT_STORE
from minewatch.cli.response_options import DEFAULT_LOG
from minewatch.cli.watch import watch
from some_alerts import some_alert, write_alerts

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
PROMETHEUS = DEPLOY / "prometheus"
watching = typer.Typer()
watching.command("watch")(watch)
UNITS = ("minewatch.service", "minewatch-respond.service")
METRIC = re.compile(r"\bminewatch_[a-z_]+\b")


def need(program: str) -> None:
    if shutil.which(program) is None:
        pytest.skip(f"needs {program}")


def directives(unit: str) -> list[tuple[str, str]]:
    text = (DEPLOY / unit).read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if "=" in line and not line.startswith("#")]
    return [(name, value.strip()) for name, _, value in (line.partition("=") for line in lines)]


def first(unit: str, name: str) -> str:
    return next(value for key, value in directives(unit) if key == name)


def offered() -> set[str]:
    """Every metric that a watch shows, as Prometheus names it."""
    found = set()
    for name in ("watching/measures.py", "alerts/delivery.py", "alerts/sinks/prometheus.py"):
        path = ROOT / "src" / "minewatch" / name
        for match in re.finditer(r"\bMeasure\(\s*\"(\w+)\",(.*?)\)\n", path.read_text(), re.DOTALL):
            is_gauge = "is_counter=False" in match[2]
            found.add(f"minewatch_{match[1]}{'' if is_gauge else '_total'}")
    return found


def expressions() -> list[str]:
    rules = yaml.safe_load((PROMETHEUS / "minewatch.rules.yml").read_text())
    dashboard = json.loads((DEPLOY / "grafana" / "dashboards" / "minewatch.json").read_text())
    found = [rule["expr"] for group in rules["groups"] for rule in group["rules"]]
    return found + [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]


def test_rules_and_dashboard_ask_for_metrics_that_there_are():
    asked = {name for text in expressions() for name in METRIC.findall(text)}
    assert len(asked) >= 8
    assert asked <= offered(), sorted(asked - offered())


def test_every_metric_is_told_of_and_no_other():
    text = (ROOT / "docs" / "how-to" / "send-alerts.md").read_text()
    section = text.partition("\n## Prometheus\n")[2].partition("\n## ")[0]
    rows = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    told = [name for row in rows for name in METRIC.findall(row)]
    assert len(set(told)) == len(told)
    assert set(told) == offered()


def test_promtool_finds_nothing_wrong():
    need("promtool")
    for arguments in (
        ("check", "config", "prometheus.yml"),
        ("test", "rules", "minewatch.rules.test.yml"),
    ):
        done = subprocess.run(
            ["promtool", *arguments], cwd=PROMETHEUS, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_every_rule_says_what_to_do():
    rules = yaml.safe_load((PROMETHEUS / "minewatch.rules.yml").read_text())
    for group in rules["groups"]:
        for rule in group["rules"]:
            assert rule["annotations"]["description"]
            assert rule["labels"]["severity"] in ("page", "ticket")


def test_the_dashboard_is_one_that_grafana_takes():
    dashboard = json.loads((DEPLOY / "grafana" / "dashboards" / "minewatch.json").read_text())
    source = yaml.safe_load(
        (DEPLOY / "grafana" / "provisioning" / "datasources" / "prometheus.yml").read_text()
    )["datasources"][0]
    panels = dashboard["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    assert {panel["datasource"]["uid"] for panel in panels} == {source["uid"]}
    taken = set()
    for panel in panels:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        taken |= cells


@pytest.mark.parametrize(
    ("unit", "most"), [("minewatch.service", 2.0), ("minewatch-respond.service", 1.6)]
)
def test_a_unit_exposes_little(unit, most):
    need("systemd-analyze")
    argv = ["systemd-analyze", "security", "--offline=true", str(DEPLOY / unit)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if "--offline" in done.stderr:
        pytest.skip("needs systemd 250")
    level = re.search(r"Overall exposure level for \S+: ([\d.]+)", done.stdout)
    assert float(level[1]) <= most, done.stdout


def test_each_unit_has_one_right_and_no_root():
    for unit, right in zip(UNITS, ("CAP_NET_RAW", "CAP_NET_ADMIN"), strict=True):
        assert first(unit, "AmbientCapabilities") == right
        assert first(unit, "CapabilityBoundingSet") == right
        assert first(unit, "NoNewPrivileges") == "yes"
        assert first(unit, "User") not in ("root", "")


def test_the_watcher_has_only_options_that_exist():
    known = {option for one in get_command(watching).params for option in one.opts}
    compose = yaml.safe_load((DEPLOY / "compose.yml").read_text())["services"]["minewatch"]
    for words in (shlex.split(first("minewatch.service", "ExecStart"))[1:], compose["command"]):
        assert words[0] == "watch"
        named = {word for word in words if word.startswith("--")}
        assert named >= {"--checkpoint", "--sink"}
        assert named <= known
        for address in (words[i + 1] for i, word in enumerate(words) if word == "--sink"):
            assert address.partition(":")[0] in ("jsonl", "sql", "prometheus")
    comment = (DEPLOY / "minewatch.service").read_text()
    assert set(re.findall(r"--[a-z-]+", comment.replace("--now", ""))) <= known


def test_commands_look_where_the_services_write():
    followed = shlex.split(first("minewatch-respond.service", "ExecStart"))
    assert followed[followed.index("--log") + 1] == DEFAULT_LOG
    assert followed[3] == DEFAULT_STORE
    watched = shlex.split(first("minewatch.service", "ExecStart"))
    assert watched[watched.index("--checkpoint") + 1] == str(SERVICE_FOLDER)
    # Who sees packets may not write the audit log.
    assert not Path(DEFAULT_LOG).is_relative_to(SERVICE_FOLDER)


@pytest.mark.parametrize("unit", UNITS)
def test_systemd_finds_nothing_wrong(unit, tmp_path):
    """But for programs and users that are not installed here."""
    need("systemd-analyze")
    text = (DEPLOY / unit).read_text()
    (tmp_path / unit).write_text(text.replace("/opt/minewatch/bin/minewatch", "/bin/true"))
    argv = ["systemd-analyze", "verify", "--man=no", str(tmp_path / unit)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert [line for line in done.stderr.splitlines() if unit in line] == []


def test_the_responder_is_dry_as_it_ships_and_its_options_exist():
    words = shlex.split(first("minewatch-respond.service", "ExecStart"))
    assert words[1:3] == ["respond", "follow"]
    assert "--apply" not in words
    assert first("minewatch-respond.service", "Environment") == "MINEWATCH_RESPONSE="
    known = {
        option
        for parameter in get_command(respond.app).commands["follow"].params
        for option in parameter.opts
    }
    assert {word for word in words if word.startswith("--")} <= known
    comment = (DEPLOY / "minewatch-respond.service").read_text()
    named = re.search(r"# MINEWATCH_RESPONSE in this file: (.*)\.", comment)[1].split(", ")
    assert set(named) <= known


NO_NEW_CODE = """
import ctypes, sys
if ctypes.CDLL(None).prctl(65, 1, 0, 0, 0):  # PR_SET_MDWE
    sys.exit(77)
from minewatch.cli.root import app
app()
"""


def test_the_responder_works_without_memory_that_is_written_and_run(tmp_path):
    """As MemoryDenyWriteExecute has it, which libraries may not like."""
    assert first("minewatch-respond.service", "MemoryDenyWriteExecute") == "yes"
    settings = [value for name, value in directives("minewatch-respond.service") if "Env" in name]
    given = dict(word.split("=") for one in settings[1:] for word in one.split() if "=" in word)
    alerts = write_alerts(tmp_path / "alerts.jsonl", some_alert(updated_ns=time.time_ns()))
    words = ("respond", "plan", str(alerts), "--log", str(tmp_path / "log.jsonl"))
    done = subprocess.run(
        [sys.executable, "-c", NO_NEW_CODE, *words],
        env={**os.environ, **given, "NUMBA_CACHE_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == 77:
        pytest.skip("needs Linux 6.3")
    assert done.returncode == 0, done.stderr
    assert "add element inet minewatch pools4" in done.stdout


def test_the_responder_reads_what_the_watcher_writes():
    watched = shlex.split(first("minewatch.service", "ExecStart"))
    followed = shlex.split(first("minewatch-respond.service", "ExecStart"))
    assert f"jsonl:{followed[3]}" in watched
    assert first("minewatch-respond.service", "SupplementaryGroups") == first(
        "minewatch.service", "Group"
    )


def test_compose_and_prometheus_agree_on_the_port():
    compose = yaml.safe_load((DEPLOY / "compose.yml").read_text())
    services = compose["services"]
    scrape = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text())["scrape_configs"][0]
    (target,) = scrape["static_configs"][0]["targets"]
    assert f"prometheus://{target}" in services["minewatch"]["command"]
    for name, service in services.items():
        assert service["cap_drop"] == ["ALL"], name
        assert not service.get("privileged"), name
        assert ":latest" not in service["image"], name
    assert services["minewatch"]["cap_add"] == ["NET_RAW"]
    listening = " ".join(services["prometheus"]["command"])
    assert "--web.listen-address=127.0.0.1:9090" in listening
    mounted = {
        volume.split(":")[0] for service in services.values() for volume in service["volumes"]
    }
    for source in mounted:
        assert (
            source in compose["volumes"]
            if not source.startswith(".")
            else (DEPLOY / source).is_dir()
        )


def test_the_container_is_not_root_and_copies_what_is_there():
    text = (DEPLOY / "Dockerfile").read_text().replace("\\\n", " ")
    stages = re.split(r"^FROM ", text, flags=re.MULTILINE)[1:]
    names = [stage.split("\n")[0].split(" AS ")[1] for stage in stages]
    assert names[-1] == "minewatch"
    for name, stage in zip(names, stages, strict=True):
        if name in ("live", "minewatch"):
            assert stage.index("USER 10001:10001") < stage.index("ENTRYPOINT")
            after = stage[stage.index("USER 10001:10001") :]
            assert "setcap" not in after
            assert "apt-get" not in after
    for line in text.splitlines():
        if line.startswith("COPY ") and "--from" not in line:
            for source in line.split()[1:-1]:
                assert (ROOT / source).exists(), source
    assert "--require-hashes -r requirements.lock" in text
    target = yaml.safe_load((DEPLOY / "compose.yml").read_text())["services"]["minewatch"]["build"]
    assert target["target"] in names
