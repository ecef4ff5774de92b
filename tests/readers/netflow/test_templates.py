# SPDX-License-Identifier: Apache-2.0
"""Templates as numpy types, and how many are kept for how long."""

import numpy as np
import pytest

from minewatch.readers.netflow.templates import (
    NANOSECONDS,
    VARIABLE,
    DecoderLimits,
    Field,
    Template,
    TemplateStore,
    Usage,
    column,
    record_type,
)


def type_of(*fields):
    return record_type(Template(256, tuple(Field(*one) for one in fields)))


def test_fields_lie_where_the_template_says():
    kind = type_of((7, 2), (-1, 9), (8, 4), (27, 16), (1, 8))
    assert kind.itemsize == 39
    places = {name: kind.fields[name][1] for name in kind.names}
    assert places == {"7": 0, "8": 11, "27high": 15, "27low": 23, "1": 31}
    assert kind["1"] == np.dtype(">u8")


def test_the_first_of_two_equal_fields_counts():
    kind = type_of((8, 4), (27, 16), (8, 4), (27, 16))
    assert {name: kind.fields[name][1] for name in kind.names} == {
        "8": 0,
        "27high": 4,
        "27low": 12,
    }


def test_fields_of_no_octets_or_of_a_wrong_length_are_not_read():
    assert type_of((1, 0), (8, 6), (27, 8), (2, 9), (4, 1)).names == ("4",)


def test_variable_fields_take_no_room():
    kind = type_of((4, 1), (96, VARIABLE), (7, 2))
    assert (kind.itemsize, kind.fields["7"][1]) == (3, 1)


@pytest.mark.parametrize("octets", range(1, 9))
def test_numbers_of_any_width(octets):
    kind = type_of((1, octets))
    number = int.from_bytes(bytes(range(1, octets + 1)), "big")
    rows = np.frombuffer(b"\xff" * octets + number.to_bytes(octets, "big"), kind)
    assert column(rows, 1).tolist() == [256**octets - 1, number]


def test_the_shortest_record():
    fixed = Template(256, (Field(1, 4), Field(2, 0)))
    variable = Template(256, (Field(1, 4), Field(96, VARIABLE)))
    assert (fixed.is_variable, fixed.least_octets) == (False, 4)
    assert (variable.is_variable, variable.least_octets) == (True, 5)


SENT = b"\1\0\0\1\0\1\0\4"


def again(kept, body, now_ns, of_options=False):
    return kept.sent_again(memoryview(b"\0\0" + body), 2, now_ns, of_options=of_options)


def store(**limits):
    usage = Usage()
    return TemplateStore(DecoderLimits(**limits), usage), usage


def a_template(number, octets=4):
    return Template(number, (Field(1, octets),))


def test_a_template_lives_as_long_as_it_is_sent_again():
    kept, _ = store(template_lifetime_ns=10 * NANOSECONDS)
    one = a_template(256)
    assert kept.add(one, SENT, 0)
    assert again(kept, SENT, 8 * NANOSECONDS) == len(SENT)
    assert again(kept, SENT, 7 * NANOSECONDS) == len(SENT)  # came late
    assert kept.find(256, 18 * NANOSECONDS) is one
    assert kept.find(256, 19 * NANOSECONDS) is None
    assert len(kept) == 0


@pytest.mark.parametrize(
    ("body", "of_options"),
    [
        (SENT[:-1], False),
        (SENT[:4], False),
        (b"\1\0\0\1\0\1\0\5", False),
        (b"\1\1\0\1\0\1\0\4", False),
        (SENT, True),
    ],
)
def test_what_is_not_the_same_was_not_sent_again(body, of_options):
    kept, _ = store()
    kept.add(a_template(256), SENT, 0)
    assert again(kept, body, 0, of_options) == 0


def test_without_a_lifetime_it_lives_on():
    kept, _ = store(template_lifetime_ns=None)
    kept.add(a_template(256), b"one", 0)
    assert kept.find(256, 1 << 62) is not None


def test_another_template_of_the_same_number_replaces_it():
    kept, usage = store()
    kept.add(a_template(256), b"\1\0one", 0)
    other = a_template(256, 8)
    kept.add(other, b"\1\0other", 0)
    assert kept.find(256, 0) is other
    assert (usage.templates, usage.template_octets) == (1, 7)
    assert again(kept, b"\1\0one", 0) == 0
    assert again(kept, b"\1\0other", 0) == 7


def test_there_is_room_for_so_many():
    kept, usage = store(templates_per_domain=2)
    assert [kept.add(a_template(256 + i), b"x", 0) for i in range(3)] == [True, True, False]
    assert usage.templates == 2


@pytest.mark.parametrize("limits", [{"templates_in_all": 2}, {"template_octets": 7}])
def test_room_is_shared_by_all_domains(limits):
    usage = Usage()
    first, second = (TemplateStore(DecoderLimits(**limits), usage) for _ in range(2))
    assert first.add(a_template(256), b"abc", 0)
    assert second.add(a_template(256), b"abc", 0)
    assert not second.add(a_template(257), b"abc", 0)
    first.clear()
    assert second.add(a_template(257), b"abc", 0)
    assert (usage.templates, usage.template_octets) == (2, 6)


def test_old_templates_make_room():
    kept, usage = store(templates_per_domain=1, template_lifetime_ns=10)
    kept.add(a_template(256), b"x", 0)
    assert not kept.add(a_template(257), b"y", 10)
    assert kept.add(a_template(257), b"y", 11)
    assert (len(kept), usage.templates) == (1, 1)


def test_templates_are_withdrawn_by_kind():
    kept, usage = store()
    kept.add(a_template(256), b"x", 0)
    kept.add(Template(257, (Field(1, 4),), 1, True), b"y", 0)
    kept.withdraw_all(of_options=True)
    assert (kept.find(257, 0), len(kept)) == (None, 1)
    kept.withdraw(999)
    kept.withdraw_all(of_options=False)
    assert (len(kept), usage.templates, usage.template_octets) == (0, 0, 0)
