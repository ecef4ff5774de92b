# SPDX-License-Identifier: Apache-2.0
"""Sets of templates: new ones, repeated ones, withdrawn ones, lying ones."""

import struct

import pytest

from export_datagrams import (
    PLAIN,
    PLAIN_VALUES,
    SECOND,
    SENT,
    Heard,
    a_set,
    field_octets,
    ipfix,
    ipfix_options,
    record,
    template,
    v9,
    v9_options,
)
from minewatch.readers.netflow import template_sets
from minewatch.readers.netflow.templates import DecoderLimits

DATA = a_set(256, record(PLAIN, PLAIN_VALUES))
OTHER = a_set(257, record(PLAIN, PLAIN_VALUES))


def test_several_templates_in_a_set_and_several_sets():
    templates = template(256, PLAIN) + template(257, PLAIN)
    heard = Heard(v9(a_set(0, templates), a_set(0, template(258, PLAIN)), DATA, OTHER))
    assert len(heard.records) == 2
    assert heard.counters.rows_seen == 2


@pytest.mark.parametrize("padding", [1, 2, 3, 4, 8])
def test_padding_after_templates(padding):
    heard = Heard(v9(a_set(0, template(256, PLAIN) + bytes(padding)), DATA))
    assert (len(heard.records), heard.counters.faulty) == (1, {})


def test_a_template_that_is_sent_again_changes_nothing():
    announced = v9(a_set(0, template(256, PLAIN)))
    heard = Heard(announced, v9(DATA), announced, v9(DATA))
    assert len(heard.records) == 2


def test_a_template_that_is_sent_again_is_not_read_again(monkeypatch):
    read = []
    fields = template_sets._fields
    monkeypatch.setattr(
        template_sets, "_fields", lambda *args, **how: read.append(args) or fields(*args, **how)
    )
    both = a_set(0, template(256, PLAIN) + template(257, PLAIN[:2]))
    heard = Heard(*[v9(both, DATA)] * 5)
    assert (len(heard.records), len(read)) == (5, 2)


def test_a_template_lives_on_if_it_is_sent_again():
    limits = DecoderLimits(template_lifetime_ns=10 * SECOND)
    announced = v9(a_set(0, template(256, PLAIN)))
    heard = Heard(limits=limits)
    heard.hear(announced, received_ns=SENT)
    heard.hear(announced, received_ns=SENT + 9 * SECOND)
    heard.hear(v9(DATA), received_ns=SENT + 19 * SECOND)
    heard.hear(v9(DATA), received_ns=SENT + 20 * SECOND)
    assert len(heard.finish().records) == 1
    assert heard.counters.faulty == {"template not seen": 1}


def test_octets_of_an_options_template_may_begin_a_template():
    options = v9_options(256, [(1, 4)], [(34, 4)])
    fields = [(4, 1), (4, 34), (4, 8), (8, 4)]  # the first words are the same
    flows = template(256, fields)
    assert flows.startswith(options)
    heard = Heard(v9(a_set(1, options), a_set(0, flows), a_set(256, bytes(47))))
    assert heard.counters.ignored == {"no addresses": 1}


def test_a_template_may_be_defined_anew():
    less = PLAIN[:2]
    heard = Heard(
        v9(a_set(0, template(256, PLAIN)), DATA),
        v9(a_set(0, template(256, less)), a_set(256, record(less, PLAIN_VALUES[:2]))),
    )
    assert heard.of("octet_delta_count") == [700, -1]


@pytest.mark.parametrize("withdrawal", [(256, 2), (2, 2)])
def test_a_template_is_withdrawn(withdrawal):
    number, kind = withdrawal
    heard = Heard(
        ipfix(a_set(2, template(256, PLAIN)), DATA),
        ipfix(a_set(kind, struct.pack(">HH", number, 0)), DATA),
    ).finish()
    assert len(heard.records) == 1
    assert heard.counters.faulty == {"template not seen": 1}


def test_all_options_templates_are_withdrawn_and_no_others():
    heard = Heard(
        ipfix(a_set(3, ipfix_options(300, [(149, 4)], [(34, 4)]))),
        ipfix(a_set(2, template(256, PLAIN))),
        ipfix(a_set(3, struct.pack(">HH", 3, 0)), DATA, a_set(300, bytes(8))),
    ).finish()
    assert len(heard.records) == 1
    assert heard.counters.faulty == {"template not seen": 1}


def lie(body, kind=2, build=ipfix):
    heard = Heard(build(a_set(kind, body), DATA)).finish()
    assert heard.records == []
    assert heard.counters.rows_seen == heard.counters.rows_accounted == 2
    assert heard.counters.faulty == {"lying template": 1, "template not seen": 1}
    return heard.counters.examples[0].removeprefix("a.pcap: datagram 1: lying template; ")


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (template(256, PLAIN, n=11), "it has 11 fields, and its set ends before them"),
        (template(256, PLAIN, n=1001), "template 256 has 1001 fields"),
        (template(255, PLAIN), "255 is no number of a template"),
        (template(256, [(8, 0), (12, 0)]), "records of template 256 would have 0 octets"),
        (
            template(256, [(8, 40_000), (12, 40_000)]),
            "records of template 256 would have 80000 octets",
        ),
        (
            struct.pack(">HHHH", 256, 1, 0x8001, 4),
            "it has 1 fields, and its set ends before them",
        ),
        (struct.pack(">HH", 7, 0), "7 is no number of a template that could be withdrawn"),
    ],
)
def test_a_template_that_lies(body, says):
    assert lie(body) == f"{says}; its set is not read further"


def test_a_template_of_v9_without_fields():
    assert lie(template(256, [], n=0), 0, v9).startswith("template 256 has 0 fields")


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (struct.pack(">HHHHH", 256, 2, 2, 34, 4), "template 256 has fields that are not four"),
        (struct.pack(">HHH", 256, 0, 0), "template 256 has 0 fields"),
        (struct.pack(">HHH", 256, 4, 4) + bytes(4), "it has 2 fields, and its set ends"),
        (struct.pack(">HH", 256, 4), "it ends within its head"),
    ],
)
def test_options_of_v9_that_lie(body, says):
    assert lie(body, 1, v9).startswith(says)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (ipfix_options(256, [(149, 4)], [(34, 4)], n=0), "template 256 has 0 scopes of 2 fields"),
        (ipfix_options(256, [(149, 4)], [(34, 4)], n=3), "template 256 has 3 scopes of 2 fields"),
        (struct.pack(">HH", 256, 2), "it ends within its head"),
    ],
)
def test_options_of_ipfix_that_lie(body, says):
    assert lie(body, 3).startswith(says)


def test_what_stood_before_the_lie_is_used():
    body = template(256, PLAIN) + template(257, PLAIN, n=500)
    heard = Heard(v9(a_set(0, body), DATA))
    assert len(heard.records) == 1
    assert heard.counters.faulty == {"lying template": 1}


def test_a_field_of_no_octets_is_none():
    fields = [*PLAIN[:2], (1, 0), (2, 4)]
    data = record(fields, [*PLAIN_VALUES[:2], b"", 7])
    heard = Heard(v9(a_set(0, template(256, fields)), a_set(256, data)))
    assert heard.of("packet_delta_count") == [7]
    assert heard.of("octet_delta_count") == [-1]


def test_a_thousand_fields_are_read():
    fields = [*PLAIN, *[(100, 1)] * 990]
    data = record(PLAIN, PLAIN_VALUES) + bytes(990)
    heard = Heard(v9(a_set(0, template(256, fields)), a_set(256, data)))
    assert heard.of("octet_delta_count") == [700]


def test_a_flood_of_templates_is_refused_and_counted():
    heard = Heard(limits=DecoderLimits(templates_per_domain=4))
    for i in range(10):
        heard.hear(v9(a_set(0, template(256 + i, PLAIN)), sequence=i))
    heard.hear(v9(DATA, sequence=10))
    assert len(heard.records) == 1
    assert heard.counters.faulty == {"too many templates": 6}
    assert heard.decoder.refused == {"templates": 6}


def test_templates_that_were_replaced_are_not_kept():
    heard = Heard()
    for i in range(100):
        fields = [*PLAIN, (100, 1 + i % 2)]
        data = record(PLAIN, PLAIN_VALUES) + bytes(1 + i % 2)
        heard.hear(v9(a_set(0, template(256, fields)), a_set(256, data), sequence=i))
    assert len(heard.records) == 100
    (domain,) = heard.decoder._exporters.domains.values()
    assert len(domain.gathered) == 1


def test_vendors_are_noted():
    fields = [*PLAIN, (7, 4, 6871), (9, 2, 29305), (9, 2, 99_999)]
    body = struct.pack(">HH", 256, len(fields)) + field_octets(fields)
    heard = Heard(ipfix(a_set(2, body)))
    assert heard.decoder.statistics[0].vendors == {"CERT", "enterprise 99999"}


def test_options_of_v9_with_padding():
    body = v9_options(300, [(1, 4)], [(34, 4)]) + bytes(2)
    heard = Heard(v9(a_set(1, body), a_set(300, bytes(8))))
    assert heard.counters.ignored == {"options": 1}
    assert heard.counters.faulty == {}
