# SPDX-License-Identifier: Apache-2.0
from importlib.resources import files

from rich.console import Console

from minewatch.cli.demo import KEY, LABELS, print_truth, read_truth
from minewatch.types import Verdict


def verdict(label):
    return Verdict(1, 0.9 if label == "mining" else 0.1, label, {}, [])


def test_the_demo_shows_a_miner_and_compares_with_the_truth(run):
    result = run("demo")
    assert result.exit_code == 0
    truth = read_truth(files("minewatch") / "lab" / LABELS)
    assert f"of {len(truth)} conversations" in result.stdout
    assert "(CryptoNote Stratum)" in result.stdout
    miners = sum(row["is_mining"] for row in truth.values())
    assert f"of {miners} mining conversations were found, 0 of" in " ".join(result.stdout.split())
    assert "/demo.pcap" not in result.stdout


def test_what_is_missed_or_wrong_is_named():
    keys = [(6, "10.0.0.1", port, "10.0.0.2", 80) for port in range(4)]
    truth = {
        key: {"is_mining": i < 2, "note": f"note {i}"} | dict(zip(KEY, key, strict=True))
        for i, key in enumerate(keys)
    }
    console = Console(record=True, width=200)
    said = {keys[0]: verdict("mining"), keys[1]: verdict("normal"), keys[2]: verdict("mining")}
    print_truth(truth, said, console)
    text = console.export_text()
    assert "1 of 2 mining conversations were found, 1 of 2 others were flagged." in text
    assert "missed: 10.0.0.1:1 -> 10.0.0.2:80, note 1 (0.100)" in text
    assert "false alarm: 10.0.0.1:2 -> 10.0.0.2:80, note 2 (0.900)" in text
