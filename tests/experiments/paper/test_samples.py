# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

import packets as p
from minewatch.errors import ConfigError
from minewatch.experiments.paper.samples import codes, read_samples

HEAD = "capture\tsource\tlabel\taddress\tport\tcoin\tpool\thost\n"


def run_folder(folder, labels, hosts=3, each=40):
    """Each server has ``each`` mining and ``each`` normal conversations, and one unlabelled."""
    frames = []
    for host in range(1, hosts + 1):
        ends = [("203.0.113.9", 3333)] * each + [("198.51.100.4", 80)] * each
        for i, (far, port) in enumerate([*ends, ("192.0.2.1", 9)]):
            near = f"10.0.0.{host}"
            out = p.ether(p.ipv4(near, far, 6, p.tcp(1000 + i, port, b"q" * 30)))
            back = p.ether(p.ipv4(far, near, 6, p.tcp(port, 1000 + i, b"a" * 90)))
            frames += [
                p.Frame(data, p.START + (i + k) * p.NS)
                for k, data in enumerate((out, back, out, back))
            ]
    folder.mkdir(exist_ok=True)
    (folder / "a.pcap").write_bytes(p.pcap(sorted(frames, key=lambda f: f.time_ns)))
    (folder / "labels.tsv").write_text(HEAD + labels)
    return folder


LABELS = (
    "a.pcap\tlab\tmining\t203.0.113.9\t3333\tXMR\talpha\t\n"
    "a.pcap\tlab\tnormal\t198.51.100.4\t80\t\t\t\n"
)


def test_a_run_becomes_samples(tmp_path):
    samples = read_samples(run_folder(tmp_path, LABELS))
    assert samples.conversations == {"mining": 120, "normal": 120, "skip": 3}
    assert (len(samples), samples.is_mining.sum()) == (240, 120)
    assert samples.hosts.tolist().count(0) == 80
    assert set(samples.table["host"]) == {"10.0.0.1", "10.0.0.2", "10.0.0.3"}
    mining = samples.mining().table
    assert set(mining["coin"]) == {"XMR"}
    assert set(mining["pool"]) == {"alpha"}
    normal = samples.table.filter(~samples.is_mining)
    assert set(normal["pool"]) == {"198.51.100.4:80"}
    assert samples.values("bits/packet")[0].tolist() == [8 * 84, 8 * 144]
    assert samples.values("packets/s")[0].tolist() == [1.0, 1.0]


def test_a_host_named_once_is_named_everywhere(tmp_path):
    labels = (
        "a.pcap\tlab\tmining\t203.0.113.9\t3333\tXMR\talpha\tweb\n"
        "a.pcap\tlab\tnormal\t198.51.100.4\t80\t\t\t\n"
    )
    samples = read_samples(run_folder(tmp_path, labels, hosts=1))
    assert set(samples.table["host"]) == {"web"}
    assert samples.table["other_host"].null_count() == len(samples)


def test_servers_may_be_named(tmp_path):
    folder = run_folder(tmp_path, LABELS)
    samples = read_samples(folder, ["10.0.0.1", "10.0.0.2"])
    assert samples.conversations["mining"] == 80


def test_the_plans_servers_count(tmp_path):
    from minewatch.lab.plan import Host, Plan, write_plan

    hosts = (Host("a", "server", "10.0.0.2"), Host("b", "client", "10.0.0.1"))
    folder = run_folder(tmp_path, LABELS)
    write_plan(Plan(1, 1.0, hosts, (), (), ()), folder / "plan.json")
    samples = read_samples(folder)
    assert set(samples.table["server"]) == {"10.0.0.2"}


def test_a_folder_without_labels_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"no labels\.tsv in it"):
        read_samples(tmp_path)


def test_too_few_of_a_label_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="10 mining conversations have flows"):
        read_samples(run_folder(tmp_path, LABELS, hosts=1, each=10))


def test_thinning_keeps_all_mining(make_samples):
    samples = make_samples(600, 60)
    thin = samples.thinned(100, seed=1)
    assert (len(thin), thin.is_mining.sum(), thin.n_thinned) == (160, 60, 440)
    assert thin.table.equals(samples.thinned(100, seed=1).table)
    assert not thin.table.equals(samples.thinned(100, seed=2).table)
    assert len(samples.thinned(10_000, seed=1)) == 600


def test_codes_follow_the_names():
    assert np.array_equal(codes(["c", "a", "c"]), [1, 0, 1])
