# SPDX-License-Identifier: Apache-2.0
import struct
from importlib.resources import files
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from minewatch.features.rhythm import FAMILIES
from minewatch.metering.state import MeteringOptions
from minewatch.pipeline import PipelineOptions, conversations
from minewatch.readers.source import Input
from minewatch.schema import ENDPOINTS
from minewatch.training.corpus.build import build_corpus
from minewatch.training.corpus.stored import Corpus
from minewatch.training.corpus.tables import WHOLE
from minewatch.training.corpus.views import InputKind, as_counted, record_numbers, view
from minewatch.types import Conversations
from talks import START_NS, frames_of, write_capture

NS = 10**9
GOLDEN = Path(__file__).parents[2] / "golden"
CAPTURES = {
    "demo": Path(str(files("minewatch") / "lab" / "demo.pcap")),
    "stratum": GOLDEN / "stratum" / "capture.pcap",
    "cut": GOLDEN / "cut" / "capture.pcap",
}
ENDS = [column.name for column in ENDPOINTS]
WHO = [*ENDS, "flow_start_nanoseconds"]
FLOW_LOGS = {InputKind.FLOWS_60, InputKind.FLOWS_600}


def corpus_of(capture, folder):
    labels = folder / "labels.tsv"
    labels.write_text(f"capture\tsource\tlabel\n{capture}\tmade\tnormal\n", encoding="utf-8")
    return build_corpus([labels])


def scanned(capture, **metering):
    """Return what a scan of the capture gives its detectors, as one table of conversations."""
    options = PipelineOptions(metering=MeteringOptions(**metering))
    source = Input(capture.name, str(capture), None)
    chunks = [chunk.passed for chunk in conversations(source, options)[1]]
    return Conversations(
        pl.concat([chunk.frame for chunk in chunks]),
        pl.concat([chunk.intervals for chunk in chunks]),
        {i: series for chunk in chunks for i, series in chunk.packets.items()},
    )


def same_rows(seen, real):
    """Return the real conversations in the order of those seen, by their ends and beginning."""
    order = seen.frame.select(*WHO, row=pl.int_range(pl.len())).join(
        real.frame.select(*WHO, "flow_id"), on=WHO, how="left", maintain_order="left"
    )
    assert order["flow_id"].null_count() == 0
    rows = real.frame.with_row_index("at").select("flow_id", "at")
    at = order.join(rows, on="flow_id", maintain_order="left")["at"].to_list()
    return Conversations(real.frame[at], real.intervals, real.packets)


def records(given):
    """Return the interval records with the number of the row they belong to."""
    rows = given.frame.select("flow_id", row=pl.int_range(pl.len()))
    joined = rows.join(given.intervals, on="flow_id").drop("flow_id", "flow_end_reason")
    joined = joined.drop("interval_count", strict=False)
    return joined.sort("row", "flow_start_nanoseconds")


@pytest.fixture(scope="module", params=CAPTURES)
def both(request, tmp_path_factory):
    """A capture as a corpus shows it, and as a scan sees it."""
    capture = CAPTURES[request.param]
    folder = tmp_path_factory.mktemp(request.param)
    seen = view(corpus_of(capture, folder), InputKind.PACKETS, WHOLE).conversations
    real = scanned(capture)
    assert len(seen) == len(real) > 0
    return seen, same_rows(seen, real)


def test_a_view_of_packets_has_the_columns_of_a_scan(both):
    seen, real = both
    columns = [name for name in real.frame.columns if name not in ("flow_id", "gate_reason")]
    assert_frame_equal(seen.frame.select(columns), real.frame.select(columns))


def test_its_interval_records_are_those_of_the_meter(both):
    seen, real = both
    assert records(seen).height >= len(seen)
    assert_frame_equal(records(seen), records(real), check_column_order=False)


def test_its_packets_are_those_that_the_meter_keeps(both):
    seen, real = both
    for mine, other in zip(seen.frame["flow_id"], real.frame["flow_id"], strict=True):
        for name in ("time_ns", "payload_octets", "from_initiator", "n_first"):
            np.testing.assert_array_equal(
                getattr(seen.packets[mine], name), getattr(real.packets[other], name)
            )


@pytest.mark.parametrize("features", FAMILIES, ids=lambda one: one.name)
def test_its_features_are_those_of_a_scan(features, both):
    seen, real = both
    found = features.transform(seen).values
    assert np.isfinite(found).any()
    np.testing.assert_array_equal(found, features.transform(real).values)


def test_records_of_ten_minutes_are_those_of_a_meter_that_cuts_so(tmp_path):
    capture = CAPTURES["stratum"]
    seen = view(corpus_of(capture, tmp_path), InputKind.FLOWS_600, WHOLE).conversations
    real = same_rows(seen, scanned(capture, interval_s=600.0, idle_timeout_s=3600.0))
    known = [*WHO, "flow_end_nanoseconds", "packet_delta_count", "reverse_octet_delta_count"]
    assert records(seen).height > len(seen)
    assert_frame_equal(records(seen).select(known), records(real).select(known))


def until(capture, end_ns, folder):
    """Return a capture that ends at a moment."""
    data = capture.read_bytes()
    assert struct.unpack_from("<I", data) == (0xA1B2C3D4,)
    at, kept = 24, [data[:24]]
    while at < len(data):
        seconds, micros, size, _ = struct.unpack_from("<IIII", data, at)
        if seconds * NS + micros * 1000 <= end_ns:
            kept.append(data[at : at + 16 + size])
        at += 16 + size
    path = folder / f"{end_ns}.pcap"
    path.write_bytes(b"".join(kept))
    return path


@pytest.mark.parametrize("horizon_s", [90, 300])
def test_a_view_at_a_horizon_is_a_scan_of_a_capture_that_ended_then(horizon_s, tmp_path):
    capture = CAPTURES["stratum"]
    seen = view(corpus_of(capture, tmp_path), InputKind.PACKETS, horizon_s).conversations
    assert len(seen) == 2
    for row in range(2):
        one = seen.filter(np.arange(2) == row)
        end_ns = one.frame["flow_start_nanoseconds"].item() + horizon_s * NS
        real = same_rows(one, scanned(until(capture, end_ns, tmp_path)))
        columns = [
            name
            for name in real.frame.columns
            if name not in ("flow_id", "gate_reason", "flow_end_reason")
        ]
        assert_frame_equal(one.frame.select(columns), real.frame.select(columns))
        for features in FAMILIES:
            np.testing.assert_array_equal(
                features.transform(one).values, features.transform(real).values
            )


# What follows is about one constructed conversation: shares of 150 octets every 10 s, answered,
# with a job of 400 after 4 s.
TALK = [
    said
    for n in range(90)
    for said in ((10.0 * n + 1, True, 150), (10.0 * n + 1.1, False, 60), (10.0 * n + 5, False, 400))
]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return build_corpus([write_capture(tmp_path_factory.mktemp("made"), frames_of(TALK))])


def test_only_first_and_latest_packets_are_kept(made):
    series = view(made, InputKind.NO_PAYLOAD).conversations.packets[1]
    assert series.n_first == 64
    assert len(series.time_ns) == 64 + 192
    wanted = [*TALK[:64], *TALK[-192:]]
    assert series.time_ns.tolist() == [START_NS + round(at * NS) for at, _, _ in wanted]
    assert series.payload_octets.tolist() == [octets for _, _, octets in wanted]
    assert series.from_initiator.tolist() == [forth for _, forth, _ in wanted]


def test_counters_at_a_horizon_are_of_what_was_seen(made):
    """Until 60 s: two packets of the handshake, 6 shares, 6 answers, 6 jobs, each acknowledged."""
    row = view(made, InputKind.NO_PAYLOAD, 60).conversations.frame.row(0, named=True)
    assert row["payload_packet_count"] == 6
    assert row["reverse_payload_packet_count"] == 12
    assert row["payload_octet_count"] == 6 * 150
    assert row["reverse_payload_octet_count"] == 6 * 460
    assert row["packet_delta_count"] == 1 + 6 + 12
    assert row["reverse_packet_delta_count"] == 1 + 12 + 6
    assert row["octet_delta_count"] == 40 * 19 + 900
    assert row["maximum_ip_total_length"] == 190
    assert row["tcp_psh_total_count"] == 6
    assert row["tcp_ack_total_count"] == 18
    assert row["tcp_control_bits"] == 2 | 8 | 16
    assert row["flow_end_nanoseconds"] - row["flow_start_nanoseconds"] == 55_001_000_000
    assert row["interval_count"] == 1


@pytest.mark.parametrize("kind", InputKind)
@pytest.mark.parametrize("horizon_s", [60, 300])
def test_nothing_after_the_horizon_moves_a_view(kind, horizon_s, made):
    later = pl.col("offset_ns") > horizon_s * NS
    changed = Corpus(
        made.conversations,
        made.packets.with_columns(
            octets=pl.when(later).then(pl.col("octets") * 3).otherwise("octets"),
            payload_octets=pl.when(later).then(777).otherwise("payload_octets"),
            from_initiator=pl.when(later)
            .then(~pl.col("from_initiator"))
            .otherwise("from_initiator"),
            tcp_flags=pl.when(later).then(pl.lit(255, pl.UInt8)).otherwise("tcp_flags"),
        ).filter(~(later & (pl.col("offset_ns") % 3 == 0))),
        made.decoded,
    )
    assert not changed.packets.equals(made.packets)
    before, after = (view(one, kind, horizon_s).conversations for one in (made, changed))
    assert len(before) == 1
    assert_frame_equal(before.frame, after.frame)
    for features in FAMILIES:
        np.testing.assert_array_equal(
            features.transform(before).values, features.transform(after).values
        )
    # and afterwards it does
    before, after = (view(one, kind, 600).conversations for one in (made, changed))
    assert not before.frame.equals(after.frame)


def test_a_conversation_is_seen_at_horizons_that_it_outlasts(made):
    """It ends after 895.001 s."""
    assert len(view(made, InputKind.NO_PAYLOAD, 895).conversations) == 1
    assert len(view(made, InputKind.NO_PAYLOAD, 896).conversations) == 0


@pytest.mark.parametrize("kind", sorted(FLOW_LOGS))
def test_a_flow_log_tells_no_packets_payload_nor_initiator(kind, made):
    seen = view(made, kind).conversations
    assert list(seen.packets) == []
    for table in (seen.frame, seen.intervals):
        assert table["payload_octet_count"].null_count() == table.height
        assert table["reverse_maximum_ip_total_length"].null_count() == table.height
        assert table["is_initiator_known"].to_list() == [False] * table.height
        assert table["packet_delta_count"].null_count() == 0
    # 895 s from the first packet on: 15 minutes, or 600 s and the rest
    assert seen.frame["interval_count"].item() == {"60": 15, "600": 2}[kind.value[9:-1]]
    timing, sequence, persistence, _ = (part.transform(seen).values for part in FAMILIES)
    assert np.isnan(timing).all()
    assert np.isnan(sequence).all()
    assert np.isfinite(persistence).any()


def test_first_30_packets_tell_totals_and_a_list(made):
    seen = view(made, InputKind.FIRST_30).conversations
    assert len(seen.packets[1].time_ns) == seen.packets[1].n_first == 30
    assert seen.intervals is None
    assert seen.frame["packet_delta_count"].item() == 1 + 90 + 180
    assert seen.frame["payload_packet_count"].item() is None


def test_only_views_of_packets_tell_what_was_read(made):
    read = made.decoded.clear()
    row = {"conversation": 1, "horizon_s": 60, "stratum_dialect": "cryptonote"}
    read = pl.concat([read, pl.DataFrame([row])], how="diagonal_relaxed").cast(made.decoded.schema)
    known = Corpus(made.conversations, made.packets, read)
    assert view(known, InputKind.PACKETS, 60).conversations.frame["stratum_dialect"].item() == (
        "cryptonote"
    )
    assert view(known, InputKind.PACKETS, 90).conversations.frame["stratum_dialect"].item() is None
    assert "stratum_dialect" not in view(known, InputKind.NO_PAYLOAD, 60).conversations.frame


def test_the_gate_judges_what_was_seen_so_far(tmp_path):
    """Six payload packets by 45 s: at 30 s there were five."""
    talk = [(2.0 + 7 * n, n % 2 == 0, 100) for n in range(12)]
    corpus = build_corpus([write_capture(tmp_path, frames_of(talk))])
    assert len(view(corpus, InputKind.NO_PAYLOAD, 30).conversations) == 0
    assert len(view(corpus, InputKind.NO_PAYLOAD, 60).conversations) == 1


def test_records_begin_at_the_first_packet_and_are_cut_on_its_clock():
    """Cut at 10, 20, 30 ...: 19 is in the second, 20 opens the next, the empty ones are none."""
    owner = np.array([4, 4, 4, 4, 4, 7, 7, 7])
    offsets = np.array([0, 9, 19, 20, 75, 3, 12, 13])
    assert record_numbers(owner, offsets, 10).tolist() == [0, 0, 1, 2, 3, 0, 0, 1]
    assert record_numbers(np.array([], np.int64), np.array([], np.int64), 10).tolist() == []


def test_counted_again_a_corpus_is_as_it_was(made):
    packets = made.packets
    assert_frame_equal(as_counted(made.conversations, packets), made.conversations)
    half = as_counted(made.conversations, packets.filter(pl.col("offset_ns") <= 60 * NS))
    assert half["payload_packet_count"].item() == 6
    assert as_counted(made.conversations, packets.clear()).is_empty()


def test_labels_stand_beside_their_rows(made):
    seen = view(made, InputKind.NO_PAYLOAD, 60)
    assert seen.labelled["conversation"].to_list() == seen.conversations.frame["flow_id"].to_list()
    assert seen.labelled["label"].to_list() == ["normal"]
