# SPDX-License-Identifier: Apache-2.0
"""Many exporters, and how many are followed."""

from export_datagrams import (
    PLAIN,
    PLAIN_VALUES,
    SECOND,
    SENT,
    Heard,
    a_set,
    ipfix_flows,
    record,
    template,
    v5,
    v5_record,
    v9,
    v9_flows,
)
from minewatch.readers.netflow.templates import DecoderLimits


def test_exporters_versions_and_domains_do_not_share_templates():
    data = a_set(256, record(PLAIN, PLAIN_VALUES))
    heard = Heard(v9_flows(PLAIN, PLAIN_VALUES, source=1))
    heard.hear(v9(data, source=2)).hear(v9(data, source=1), exporter="192.0.2.8")
    heard.hear(v9(data, source=1, sequence=1))
    assert len(heard.records) == 2
    assert len(heard.decoder.statistics) == 3
    heard.finish()
    assert heard.counters.faulty == {"template not seen": 2}
    assert heard.counters.rows_seen == heard.counters.rows_accounted == 4


def test_a_flood_of_sources_is_refused_and_counted():
    heard = Heard(limits=DecoderLimits(domains=3))
    for i in range(10):
        heard.hear(v5(v5_record()), exporter=f"192.0.2.{i}")
    assert len(heard.records) == 3
    assert len(heard.decoder.statistics) == 3
    assert heard.counters.faulty == {"too many exporters": 7}
    assert heard.decoder.refused == {"exporters": 7}
    assert heard.counters.rows_seen == heard.counters.rows_accounted == 10


def test_exporters_that_fell_silent_make_room():
    limits = DecoderLimits(domains=2, template_lifetime_ns=60 * SECOND)
    heard = Heard(limits=limits)
    unknown = v9(a_set(300, bytes(40)))
    heard.hear(unknown, exporter="192.0.2.1", received_ns=SENT)
    heard.hear(v5(v5_record()), exporter="192.0.2.2", received_ns=SENT + 50 * SECOND)
    heard.hear(v5(v5_record()), exporter="192.0.2.3", received_ns=SENT + 70 * SECOND)
    assert [one.exporter for one in heard.decoder.statistics] == ["192.0.2.2", "192.0.2.3"]
    assert heard.counters.faulty == {"template not seen": 1}


def test_records_of_a_forgotten_exporter_are_not_lost():
    limits = DecoderLimits(domains=1, template_lifetime_ns=60 * SECOND)
    heard = Heard(limits=limits)
    heard.decoder.add(v5(v5_record()), "192.0.2.1", "a", SENT)
    heard.decoder.add(v5(v5_record()), "192.0.2.2", "b", SENT + 70 * SECOND)
    assert sum(len(one) for one in heard.decoder.take()) == 2


def test_what_forgotten_exporters_lost_still_counts():
    limits = DecoderLimits(domains=1, template_lifetime_ns=60 * SECOND)
    heard = Heard(v5(v5_record()), v5(v5_record(), sequence=8), limits=limits, received_ns=SENT)
    assert heard.decoder.lost == 7
    for sequence in (0, 4):
        later = SENT + 70 * SECOND
        heard.hear(v5(v5_record(), sequence=sequence), exporter="192.0.2.2", received_ns=later)
    assert [one.exporter for one in heard.decoder.statistics] == ["192.0.2.2"]
    assert heard.decoder.lost == 7 + 3


def test_datagrams_decoded_together_give_what_each_gives():
    datagrams = [
        v9_flows(PLAIN, PLAIN_VALUES),
        ipfix_flows(PLAIN[:-2], PLAIN_VALUES[:-2]),
        v9_flows(PLAIN, PLAIN_VALUES, PLAIN_VALUES, sequence=1, uptime_ms=70_000),
        v5(v5_record()),
    ]
    alone = Heard(*datagrams)
    together = Heard()
    for data in datagrams:
        together.decoder.add(data, "192.0.2.9", "a.pcap: datagram 1", None)
    assert together.decoder.n_gathered == 5
    found = [one for part in together.decoder.take() for one in part]
    assert together.decoder.n_gathered == 0
    assert sorted(one.tolist() for one in found) == sorted(one.tolist() for one in alone.records)
    assert together.counters == alone.counters


def test_a_fault_is_told_with_the_place_of_its_datagram():
    heard = Heard()
    bad = [*PLAIN_VALUES[:-2], 59_000, 50_000]
    for i, values in enumerate((PLAIN_VALUES, bad, bad)):
        heard.decoder.add(v9_flows(PLAIN, values, sequence=i), "192.0.2.9", f"place {i}", None)
    heard.decoder.take()
    assert heard.counters.faulty == {"end before start": 2}
    assert heard.counters.examples == [
        "place 1: end before start; check the exporter's clock and its template"
    ]


def test_a_record_with_two_faults_is_one():
    fields = [(8, 4), (12, 4), (1, 8), (150, 4), (151, 4)]
    heard = Heard(ipfix_flows(fields, ["10.0.0.1", "10.0.0.2", 2**64 - 1, 0, 0]))
    assert heard.counters.faulty.total() == heard.counters.rows_seen == 1


def test_notes_are_told_once():
    fields = [(8, 4), (12, 4)]
    one = v9_flows(fields, ["10.0.0.1", "10.0.0.2"])
    heard = Heard(one, one)
    assert len(heard.counters.notes) == 1


def test_a_template_that_changes_between_datagrams_decodes_each_by_its_own():
    heard = Heard()
    fields = [(12, 4), (8, 4)]
    for i, one in enumerate((PLAIN[:2], fields)):
        data = v9(
            a_set(0, template(256, one)),
            a_set(256, record(one, ["10.0.0.1", "10.0.0.2"])),
            sequence=i,
        )
        heard.decoder.add(data, "192.0.2.9", "a", None)
    found = [int(one["source_address_low"]) & 0xF for part in heard.decoder.take() for one in part]
    assert found == [1, 2]
