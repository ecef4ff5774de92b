# SPDX-License-Identifier: Apache-2.0
import polars as pl

from minewatch.output.table import TableWriter, sentence
from minewatch.testing import conversations
from minewatch.types import Evidence


def test_a_flagged_conversation_in_full(console, verdict):
    frame = conversations().frame.with_columns(
        stratum_algorithm=pl.lit("rx/0"),
        stratum_dialect=pl.lit("cryptonote"),
        tls_sni=pl.lit("[red]pool\x1b"),
    )
    TableWriter(console, 0.002).write(frame, [verdict()], "a.pcap")
    assert console.export_text() == (
        " 0.900  10.0.0.1:40000 -> 198.51.100.1:443 ([red]pool?)  TCP\n"
        "        2020-09-13 12:26:40 UTC for 10 min 0 s, 60 packets out, 50 back, algorithm rx/0, "
        "dialect\n"
        "        cryptonote\n"
        "        + A login was answered with a job.\n"
        "        id 1, community id 1:DXBMpxzUMVuf+K2txnOCqL29aRA=, a.pcap\n\n"
    )


def test_an_algorithm_by_shape_says_so_beside_the_coin(console, verdict):
    frame = conversations().frame.with_columns(
        algorithm=pl.lit("randomx"), algorithm_source=pl.lit("shape"), payout_coin=pl.lit("DOGE")
    )
    TableWriter(console, 0.002).write(frame, [verdict()], "a.pcap")
    text = " ".join(console.export_text().split())
    assert "algorithm randomx (by its shape), paid in DOGE" in text


def test_what_speaks_against_stands_last_with_its_sign(console, verdict):
    evidence = [
        Evidence("a", 1.0, "1", -2.0, "Against."),
        Evidence("b", 1.0, "1", 1.0, "For."),
        Evidence("c", 1.0, "1", 0.01, "Too weak."),
    ]
    TableWriter(console, 0.002).write(conversations().frame, [verdict(evidence=evidence)], "a.pcap")
    lines = [line.strip() for line in console.export_text().splitlines()]
    assert lines[2:4] == ["+ For.", "- Against."]
    assert "Too weak." not in lines


def test_others_take_one_line(console, verdict):
    writer = TableWriter(console, 0.002)
    normal = verdict(label="normal", mining_probability=0.01)
    writer.write(conversations().frame, [normal], "a.pcap")
    writer.write_gated(conversations().frame.with_columns(gate_reason=pl.lit("one-way")), "a.pcap")
    writer.finish()
    assert console.export_text() == (
        " 0.010  10.0.0.1:40000 -> 198.51.100.1:443  TCP  normal\n"
        " 0.002  10.0.0.1:40000 -> 198.51.100.1:443  TCP  not scored: one-way\n"
    )


def test_signs():
    assert [sentence(c, "x")[0].plain for c in (1.0, -1.0, 0.0)] == ["+ ", "- ", "  "]


def test_what_is_allowed_says_so(console, verdict, with_known):
    frame = with_known(conversations().frame, transit=None)
    TableWriter(console, 0.002).write(frame, [verdict()], "a.pcap")
    lines = console.export_text().splitlines()
    assert lines[0].endswith("TCP  allowed")
    assert lines[2].strip().startswith("Allowed by ops until 2027-01-31: a course (a.toml:3).")
