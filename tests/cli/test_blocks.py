# SPDX-License-Identifier: Apache-2.0
import pytest

from minewatch.cli.blocks import moment
from minewatch.detectors.block_times import load_block_times
from monero_node import FIRST_S, STEP_S, TOP


def at(height):
    """The time of a block, as a person writes it."""
    from datetime import UTC, datetime

    return datetime.fromtimestamp(FIRST_S + STEP_S * height, UTC).isoformat()


def test_blocks_of_a_node_become_a_file_that_scan_reads(run, node, tmp_path):
    path = tmp_path / "blocks.csv"
    result = run("blocks", node.url, at(100), at(110), "-o", path)
    assert (result.exit_code, result.stdout) == (0, "")
    times = load_block_times(path).time_ns // 10**9
    assert times.tolist() == [FIRST_S + STEP_S * height for height in range(100, 111)]
    assert run("blocks", node.url, at(100), at(110)).stdout == path.read_text()


def test_a_node_that_is_not_there_leaves_no_file(run, tmp_path):
    path = tmp_path / "blocks.csv"
    result = run("blocks", "http://127.0.0.1:9", at(1), at(2), "-o", path)
    assert result.exit_code == 2
    assert "127.0.0.1:9" in result.stderr
    assert not path.exists()


def test_a_time_that_is_none_is_refused(run, node):
    result = run("blocks", node.url, "yesterday", at(TOP))
    assert result.exit_code == 2
    assert "'yesterday': not a time; write 2026-11-20T08:00" in " ".join(result.stderr.split())
    assert node.asked == []


@pytest.mark.parametrize("text", ["2020-09-13T12:26:40", "2020-09-13T14:26:40+02:00"])
def test_without_a_zone_a_time_is_utc(text):
    assert moment(text) == 1_600_000_000


@pytest.mark.parametrize("end", [1, 2])
def test_a_span_that_does_not_run_forwards_is_refused(end, run, node):
    result = run("blocks", node.url, at(2), at(end))
    assert (result.exit_code, result.stdout) == (2, "")
    assert "the first is not before the second; exchange them" in result.stderr
    assert node.asked == []


def test_no_blocks_leave_no_file(run, node, tmp_path):
    path = tmp_path / "blocks.csv"
    result = run("blocks", node.url, at(TOP + 5), at(TOP + 6), "-o", path)
    assert result.exit_code == 2
    assert result.stderr.startswith(f"minewatch: {node.url}/json_rpc: no block from 20")
    assert not path.exists()
