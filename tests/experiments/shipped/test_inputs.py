# SPDX-License-Identifier: Apache-2.0
import pytest

from made_up_logs import MadeUpFormat, log
from minewatch.errors import ConfigError
from minewatch.experiments.shipped.inputs import PACKETS, plan

FORMATS = (MadeUpFormat(), MadeUpFormat("other", b"#other"))
PCAP = bytes.fromhex("d4c3b2a1020004000000000000000000ffff000001000000")


@pytest.fixture
def folder(tmp_path):
    """A folder whose name looks like a pattern."""
    made = tmp_path / "run [1]"
    (made / "logs").mkdir(parents=True)
    for name, data in {
        "a.pcap": PCAP,
        "logs/a.log": log(2),
        "logs/b.log": log(2),
        "logs/notes.txt": b"x",
        "other.log": log(1, b"#other"),
    }.items():
        (made / name).write_bytes(data)
    return made


def labels(folder, *names, file="labels.tsv"):
    rows = "".join(f"{name}\toffice\tnormal\n" for name in names)
    (folder / file).write_text(f"capture\tsource\tlabel\n{rows}")
    return str(folder / file)


def told(made):
    return [(one.name, one.kind, len(one.inputs), len(one.rules)) for one in made.labelled]


def test_captures_logs_folders_and_patterns(folder):
    made = plan([labels(folder, "a.pcap", "logs", "a.pcap", "oth*.log")], FORMATS)
    assert told(made) == [
        ("a.pcap", PACKETS, 1, 2),
        ("logs", "made-up", 2, 1),
        ("oth*.log", "other", 1, 1),
    ]
    assert made.problems == []
    assert made.notes == [f"{folder}/logs: one file of no known kind was passed over: notes.txt"]


def test_a_run_is_its_folder(folder):
    labels(folder, "logs/*.log")
    assert told(plan([str(folder)], FORMATS)) == [("logs/*.log", "made-up", 2, 1)]


def test_an_absolute_pattern_is_one(folder):
    name = str(folder).replace("[", "?").replace("]", "?") + "/logs/*.log"
    assert told(plan([labels(folder, name)], FORMATS)) == [(name, "made-up", 2, 1)]


def test_what_is_not_there_is_a_problem_and_the_rest_is_read(folder):
    made = plan([labels(folder, "gone.pcap", "logs/notes.txt", "a.pcap")], FORMATS)
    assert told(made) == [("a.pcap", PACKETS, 1, 1)]
    first, second = made.problems
    assert first.startswith(f"{folder}/gone.pcap: ")
    assert second.startswith(f"{folder}/logs/notes.txt: of no known kind")


def test_several_kinds_in_one_row_are_refused(folder):
    path = labels(folder, "[ao]*.*")
    with pytest.raises(ConfigError) as raised:
        plan([path], FORMATS)
    assert str(raised.value) == (
        f"{path}: [ao]*.*: inputs of several kinds (capture, other); name each kind by itself, "
        "with a pattern such as logs/*.gz"
    )


@pytest.mark.parametrize("second", ["./a.pcap", "link.pcap", "*.pcap"])
def test_what_is_named_twice_would_count_twice(folder, second):
    (folder / "link.pcap").symlink_to(folder / "a.pcap")
    if second != "*.pcap":
        path = labels(folder, "a.pcap", second)
        first = path
    else:
        first = labels(folder, "a.pcap", file="first.tsv")
        path = labels(folder, second)
    with pytest.raises(ConfigError) as raised:
        plan([first, path] if first != path else [path], FORMATS)
    assert f"is named by {first}: a.pcap too, and would count twice; name it once" in str(
        raised.value
    )


def test_wrong_labels_are_refused_with_their_line(folder):
    path = folder / "labels.tsv"
    path.write_text("capture\tsource\tlabel\na.pcap\toffice\tmaybe\n")
    with pytest.raises(ConfigError, match=r"labels\.tsv:2: label 'maybe'"):
        plan([str(path)], FORMATS)
