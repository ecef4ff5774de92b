# SPDX-License-Identifier: Apache-2.0
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from minewatch.errors import ConfigError
from minewatch.features.volume import VolumeFeatures
from minewatch.registry import detectors, feature_sets
from minewatch.training.corpus import tables
from minewatch.training.corpus.cesnet import LISTED, read_cesnet
from minewatch.training.corpus.stored import read_corpus
from minewatch.training.corpus.views import InputKind, view
from minewatch.training.view_table import view_table

START = datetime.fromisoformat("2021-12-14T16:45:34.924601")
TYPES = {
    "BYTES": "uint64",
    "BYTES_REV": "uint64",
    "TIME_FIRST": "time",
    "TIME_LAST": "time",
    "PACKETS": "uint32",
    "PACKETS_REV": "uint32",
    "DST_PORT": "uint16",
    "SRC_PORT": "uint16",
    "PROTOCOL": "uint8",
    "TCP_FLAGS": "uint8",
    "TCP_FLAGS_REV": "uint8",
    "LABEL": "string",
    "PPI_PKT_DIRECTIONS": "int8*",
    "PPI_PKT_FLAGS": "uint8*",
    "PPI_PKT_LENGTHS": "uint16*",
    "PPI_PKT_TIMES": "time*",
}


def flow(listed=8, seconds=280.0, **changes):
    """Return a flow's cells: a share and its answer in turn, in so many listed packets."""
    at = [START + timedelta(seconds=seconds * k / max(listed, 1)) for k in range(listed)]
    cells = {
        "BYTES": 40 * listed + 100 * (listed // 2),
        "BYTES_REV": 40 * listed + 60 * (listed // 2),
        "TIME_FIRST": START.isoformat(),
        "TIME_LAST": (START + timedelta(seconds=seconds)).isoformat(),
        "PACKETS": listed,
        "PACKETS_REV": listed,
        "DST_PORT": 14444,
        "SRC_PORT": 57104,
        "PROTOCOL": 6,
        "TCP_FLAGS": 27,
        "TCP_FLAGS_REV": 26,
        "LABEL": "Miner",
        "PPI_PKT_DIRECTIONS": "[" + "|".join(["1", "-1"][k % 2] for k in range(listed)) + "]",
        "PPI_PKT_FLAGS": "[" + "|".join(["24"] * listed) + "]",
        "PPI_PKT_LENGTHS": "[" + "|".join(["100", "60"][k % 2] for k in range(listed)) + "]",
        # Cut to milliseconds, as the data set has them.
        "PPI_PKT_TIMES": "["
        + "|".join(time.isoformat(timespec="milliseconds") + "000" for time in at)
        + "]",
    }
    assert set(changes) <= set(cells)
    return {**cells, **changes}


@pytest.fixture
def write(tmp_path):
    def write(*flows, header=None):
        path = tmp_path / "made.csv"
        names = header or [f"{kind} {name}" for name, kind in TYPES.items()]
        lines = [",".join(names), *(",".join(map(str, cells.values())) for cells in flows)]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path

    return write


def test_a_flow_becomes_a_conversation_known_by_its_first_packets(write):
    path = write(flow(), flow(listed=2, LABEL="Other", DST_PORT=443, SRC_PORT=40_000))
    corpus = read_cesnet(path)
    assert dict(corpus.conversations.schema) == tables.LABELLED
    assert dict(corpus.packets.schema) == tables.PACKET
    start = int(START.replace(tzinfo=UTC).timestamp()) * 10**9 + 924_601_000
    wanted = {
        "conversation": 1,
        "flow_id": 1,
        "label": "mining",
        "source": "cesnet",
        "capture": "made.csv",
        "remote": "port-14444",
        "pool": "port-14444",
        "host": None,
        "source_address_low": None,
        "is_kept": True,
        "is_first_only": True,
        "is_initiator_known": True,
        "is_source_home": True,
        "flow_start_nanoseconds": start,
        "flow_end_nanoseconds": start + 280 * 10**9,
        "octet_delta_count": 720,
        "reverse_octet_delta_count": 560,
        "packet_delta_count": 8,
        "payload_octet_count": 400,
        "reverse_payload_octet_count": 240,
        "payload_packet_count": 4,
        "tcp_psh_total_count": None,
        "minimum_ip_total_length": None,
        "gate_reason": "passed",
    }
    assert corpus.conversations.row(0, named=True).items() >= wanted.items()
    other = corpus.conversations.row(1, named=True)
    assert [other[name] for name in ("label", "remote", "pool", "gate_reason")] == [
        *("normal", "port-443", None, "too-few-messages")
    ]
    assert corpus.packets["conversation"].to_list() == [1] * 8 + [2] * 2
    first = corpus.packets.head(3)
    assert first["offset_ns"].to_list() == [0, 34_999_399_000, 69_999_399_000]
    assert first["payload_octets"].to_list() == [100, 60, 100]
    assert first["from_initiator"].to_list() == [True, False, True]
    assert first["octets"].is_null().all()


def test_who_opened_is_known_where_both_ways_have_a_syn(write):
    late = flow(TCP_FLAGS=24, TCP_FLAGS_REV=24)
    server = flow(TCP_FLAGS=26, TCP_FLAGS_REV=24, SRC_PORT=22, DST_PORT=50_136, LABEL="Other")
    frame = read_cesnet(write(flow(), late, server)).conversations
    assert frame["is_initiator_known"].to_list() == [True, False, False]
    assert frame["is_source_home"].to_list() == [True, True, False]


def test_payload_is_counted_only_where_all_of_it_is_listed(write):
    frame = read_cesnet(write(flow(LISTED - 1), flow(LISTED))).conversations
    for name in ("payload_octet_count", "payload_packet_count"):
        assert frame[name].is_null().to_list() == [False, True]
        assert frame[f"reverse_{name}"].is_null().to_list() == [False, True]
    assert frame["gate_reason"].to_list() == ["passed", "passed"]


def test_no_packets_and_other_protocols(write):
    frame = read_cesnet(write(flow(0), flow(PROTOCOL=17))).conversations
    assert frame["gate_reason"].to_list() == ["one-way", "not-tcp"]
    assert frame["is_kept"].to_list() == [True, False]
    assert frame["payload_packet_count"].to_list() == [0, 4]


def test_its_view_is_of_the_first_packets_and_of_nothing_else(write):
    few = flow(listed=5)
    corpus = read_cesnet(write(flow(LISTED), few, flow(seconds=20.0), flow()))
    seen = view(corpus, InputKind.FIRST_30)
    assert seen.labelled["conversation"].to_list() == [1, 4]
    assert seen.conversations.intervals is None
    frame = seen.conversations.frame
    assert frame["packet_delta_count"].to_list() == [30, 8]
    assert frame["payload_packet_count"].is_null().all()
    series = seen.conversations.packets[1]
    assert (series.n_first, len(series.time_ns)) == (LISTED, LISTED)
    assert series.payload_octets[:3].tolist() == [100, 60, 100]
    assert series.time_ns[0] == frame["flow_start_nanoseconds"][0]
    for kind in InputKind:
        if kind is not InputKind.FIRST_30:
            assert len(view(corpus, kind).conversations) == 0
    # Its totals are of the whole flow, so nobody knows how it stood after a minute.
    assert len(view(corpus, InputKind.FIRST_30, 60).conversations) == 0


def test_features_and_detectors_take_it(write, tmp_path):
    read_cesnet(write(flow(LISTED), flow())).write(tmp_path / "corpus")
    corpus = read_corpus(tmp_path / "corpus")
    table = view_table(corpus, feature_sets(), [InputKind.FIRST_30], [tables.WHOLE])
    assert len(table) == 2
    volume = dict(
        zip(VolumeFeatures.feature_names, table.values[VolumeFeatures.name].T, strict=True)
    )
    np.testing.assert_allclose(volume["sent_octets"], [40 * 30 + 1500, 720])
    assert np.isnan(volume["sent_payload_per_packet"]).all()
    assert np.isfinite(table.values["paper"]).all()
    conversations = view(corpus, InputKind.FIRST_30).conversations
    for detector in detectors():
        assert detector.score(conversations).probability.shape == (2,)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"LABEL": "miner"}, "LABEL 'miner': one of Miner, Other"),
        ({"BYTES": "-1"}, "BYTES: '-1' is no number from 0 to"),
        ({"DST_PORT": "65536"}, "DST_PORT: '65536' is no number from 0 to 65535"),
        ({"TCP_FLAGS_REV": ""}, "TCP_FLAGS_REV: '' is no number"),
        ({"TIME_FIRST": "yesterday"}, "TIME_FIRST: 'yesterday' is no time"),
        ({"TIME_FIRST": "2021-12-14T16:45:34+01:00"}, "without a zone"),
        ({"TIME_LAST": "9999-12-14T16:45:34"}, "no time in UTC"),
        ({"TIME_LAST": "2020-12-14T16:45:34"}, "TIME_LAST is before TIME_FIRST"),
        ({"PPI_PKT_LENGTHS": "[1|2]"}, "not of one length"),
        ({"PPI_PKT_LENGTHS": "[1|70000]"}, "PPI_PKT_LENGTHS: '70000' is no number"),
        ({"PPI_PKT_LENGTHS": "1|2"}, "PPI_PKT_LENGTHS '1|2' is no list in brackets"),
        ({"PPI_PKT_DIRECTIONS": "[1|0]"}, "PPI_PKT_DIRECTIONS: '0' is neither 1 nor -1"),
        ({"PPI_PKT_TIMES": "[x]"}, "PPI_PKT_TIMES: 'x' is no time"),
    ],
)
def test_a_wrong_line_is_named_with_its_cure(write, changes, told):
    path = write(flow(), flow(**changes))
    with pytest.raises(ConfigError, match=r"made.csv:3: .*; fetch the file again") as error:
        read_cesnet(path)
    assert told in str(error.value)


def test_a_line_of_another_length_is_named(write):
    path = write(flow(), {"BYTES": 1, "BYTES_REV": 2})
    with pytest.raises(ConfigError, match=r"made\.csv:3: 2 cells under 16 names; fetch"):
        read_cesnet(path)


def test_a_file_without_flows_or_columns_is_refused(write, tmp_path):
    with pytest.raises(ConfigError, match="no flow in it; fetch"):
        read_cesnet(write())
    with pytest.raises(ConfigError, match=r"made.csv:1: column BYTES is missing; .*UniRec"):
        read_cesnet(write(header=["uint64 OCTETS"]))
    with pytest.raises(ConfigError, match=r"cannot be read as CSV: .*; name another file"):
        read_cesnet(tmp_path / "nowhere.csv")
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="cannot be read as CSV"):
        read_cesnet(tmp_path / "binary.csv")


def test_times_that_fall_are_put_in_order(write):
    times = [START + timedelta(seconds=seconds) for seconds in (40, 0, 20, 60, 61, 62, 63, 64)]
    text = "[" + "|".join(time.isoformat() for time in times) + "]"
    packets = read_cesnet(write(flow(PPI_PKT_TIMES=text))).packets
    assert packets["offset_ns"].is_sorted()
    assert packets["from_initiator"].to_list()[:3] == [False, True, True]
    assert packets.filter(pl.col("offset_ns") == 40 * 10**9)["payload_octets"].item() == 100
